package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// Two automations that write one field over and over are stopped.
const (
	contestWithin = 10 * time.Minute
	contestWrites = 10 // in that time, each over a value that somebody put in place of ours
	contestRest   = time.Hour
)

// A Contest is what a link remembers of the writes to one of its fields, to see
// when somebody else writes it over and over. That a field is written often is
// none, for people edit: only a write counts that takes the place of a value
// which is not the one that was written before it, or that says again what was
// said before.
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

// within reports whether t is in the last d; a time of the future, by a clock
// that was set back since, is not.
func within(t, now time.Time, d time.Duration) bool {
	age := now.Round(0).Sub(t)
	return age >= 0 && age < d
}

// resting reports whether the field is paused.
func (c Contest) resting(now time.Time) bool {
	left := c.Until.Sub(now.Round(0))
	return left > 0 && left <= contestRest
}

// wrote is the contest after a write that took the place of was and left have.
func (c Contest) wrote(was, have string, now time.Time) Contest {
	next := Contest{Wrote: []string{have}, Last: now.UTC()}
	if len(c.Wrote) == 0 || !within(c.Last, now, contestWithin) {
		return next
	}
	next.Wrote = append(slices.Clone(c.Wrote[max(0, len(c.Wrote)-contestWrites):]), have)
	for _, at := range c.Over {
		if within(at, now, contestWithin) {
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

// contest takes note of writes to one side that were answered, and pauses what
// somebody else writes as well.
func (w *work) contest(ctx context.Context, s *sending, e *end, writes []write, answer connectors.Record) error {
	now, d := w.engine.clock.Now(), w.engine.digest
	next := maps.Clone(s.next.Contests)
	maps.DeleteFunc(next, func(_ string, c Contest) bool {
		return !c.resting(now) && !within(c.Last, now, contestWithin)
	})
	if next == nil {
		next = map[string]Contest{}
	}
	s.next.Contests = next
	for _, f := range writes {
		name := f.mapping.name
		c := next[name].wrote(d.of(f.was), d.of(fieldAt(answer, f.mapping.path)), now)
		if len(c.Over) <= contestWrites {
			next[name] = c
			continue
		}
		who := w.whoElse(ctx, e, f, c.Over[0])
		next[name] = Contest{Until: now.Add(contestRest).UTC()}
		s.refused = true
		message := fmt.Sprintf("lockstep wrote field %s of %s %d times within %d minutes, and %s put other values in their place: two automations write one field. "+
			"The field rests until %s, or until this is retried; switch one of the two off",
			fieldOf(name), e.ref, len(c.Over), int(contestWithin.Minutes()), who, next[name].Until.Format(time.RFC3339))
		if err := w.bury(ctx, ReasonContested, shown(name), message); err != nil {
			return err
		}
	}
	return nil
}

// whoElse names those who changed a field since, as far as the system tells.
func (w *work) whoElse(ctx context.Context, e *end, f write, since time.Time) string {
	changes, _, err := w.history(ctx, e, since)
	var names []string
	ours := false
	for _, c := range changes {
		switch {
		case err != nil || !touches(c.Field, f.mapping.path):
		case c.Ours:
			ours = true
		case c.By != "" && !slices.Contains(names, c.By):
			names = append(names, c.By)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) > 0:
		return strings.Join(names[:min(len(names), 3)], ", ")
	case ours:
		return "lockstep itself, for another link of this record,"
	case e.record.UpdatedBy != "":
		return e.record.UpdatedBy
	}
	return "somebody"
}

// rests are the mappings that are paused, and their partners: the two are one
// field to whoever writes it.
func (w *work) rests(link *Link, mappings []mapping) map[string]bool {
	now, rests := w.engine.clock.Now(), map[string]bool{}
	for _, m := range mappings {
		if link.Contests[m.name].resting(now) || m.pair != "" && link.Contests[m.pair].resting(now) {
			rests[m.name] = true
		}
	}
	return rests
}

// rested forgets pauses that are over, with their dead letters.
func (w *work) rested(ctx context.Context, link *Link) error {
	now := w.engine.clock.Now()
	for name, c := range link.Contests {
		if c.Until.IsZero() || c.resting(now) {
			continue
		}
		link.Contests = maps.Clone(link.Contests)
		delete(link.Contests, name)
		id := deadID(w.route.Name, w.source, shown(name), ReasonContested)
		if err := w.engine.store.Dead.Delete(ctx, id, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("dead letter %s: %w", id, err)
		}
	}
	return nil
}

// resumes is when the next pause is over; false: nothing is paused.
func (l *Link) resumes(now time.Time) (next time.Time, paused bool) {
	for _, c := range l.Contests {
		if c.resting(now) && (!paused || c.Until.Before(next)) {
			next, paused = c.Until, true
		}
	}
	// By the clock on which the store counts, and the process waits.
	return now.Add(next.Sub(now.Round(0))), paused
}

// stateNames are the mappings by which a state is written, by side.
func stateNames(sync rules.StateSync) map[side]string {
	return map[side]string{targetSide: outbound(sync.TargetField), sourceSide: inbound(sync.SourceField)}
}
