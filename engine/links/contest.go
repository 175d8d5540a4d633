package links

import (
	"slices"
	"time"
)

// Two automations that write one field over and over are stopped.
const (
	ContestWithin = 10 * time.Minute
	MostWrites    = 10 // in that time, each over a value that somebody put in place of ours
	PauseFor      = time.Hour
)

// A Contest is what a link remembers of the writes to one of its fields, to see
// when somebody else writes it over and over. That a field is written often is
// none, for people edit: only a write counts that takes the place of a value
// which is not the one that was written before it, or that says again what was
// said before (section 9a).
type Contest struct {
	// Wrote are the digests of what the last writes left there, Last is the time of
	// the newest.
	Wrote []string  `json:"wrote,omitempty"`
	Last  time.Time `json:"last,omitzero"`
	// Over are the times of the writes that count, and of the one before the first;
	// not more than one more than are allowed.
	Over []time.Time `json:"over,omitempty"`
	// Until is when a field that is paused is written again; zero: it is not.
	Until time.Time `json:"until,omitzero"`
}

// Within reports whether t is in the last d; a time of the future, by a clock
// that was set back since, is not.
func Within(t, now time.Time, d time.Duration) bool {
	age := now.Round(0).Sub(t)
	return age >= 0 && age < d
}

// Paused reports whether the field is paused.
func (c Contest) Paused(now time.Time) bool {
	left := c.Until.Sub(now.Round(0))
	return left > 0 && left <= PauseFor
}

// After is the contest after a write that took the place of was and left have.
func (c Contest) After(was, have string, now time.Time) Contest {
	next := Contest{Wrote: []string{have}, Last: now.UTC()}
	if len(c.Wrote) == 0 || !Within(c.Last, now, ContestWithin) {
		return next
	}
	next.Wrote = append(slices.Clone(c.Wrote[max(0, len(c.Wrote)-MostWrites):]), have)
	for _, at := range c.Over {
		if Within(at, now, ContestWithin) {
			next.Over = append(next.Over, at)
		}
	}
	if was != c.Wrote[len(c.Wrote)-1] || slices.Contains(c.Wrote, have) {
		if len(next.Over) == 0 {
			next.Over = append(next.Over, c.Last)
		}
		next.Over = append(next.Over, now.UTC())
	}
	return next
}

// Resumes returns when the next pause is over; false: nothing is paused.
func (l *Link) Resumes(now time.Time) (next time.Time, paused bool) {
	for _, c := range l.Contests {
		if c.Paused(now) && (!paused || c.Until.Before(next)) {
			next, paused = c.Until, true
		}
	}
	// By the clock on which the store counts, and the process waits.
	return now.Add(next.Sub(now.Round(0))), paused
}
