package plan

import (
	"time"

	"github.com/lockstep-sync/lockstep/engine/links"
)

// GoneAfter is when a side that was not found is read again (rule 8.1). Where it
// was not found again and still does not count as deleted, it is read again after
// twice as long, up to mostDoublings times.
const (
	GoneAfter     = 10 * time.Minute
	firstMissWait = 30 * time.Second // it may be there again: then after twice as long
	mostDoublings = 3
	// mostMisses is how often a record without a ticket is read again: for about a day.
	mostMisses = 25
	// fewMisses is how often a link of which a side is gone is read again before
	// only the sweep does.
	fewMisses = 4
)

// MissWait is how long after it was not found a side is read again.
func MissWait(m *links.Missing) time.Duration {
	return GoneAfter << min(max(m.Times-1, 0), mostDoublings)
}

// MissDue is when, by the wall clock alone, a side that was not found is read again.
func MissDue(m *links.Missing) time.Time { return m.At.Add(MissWait(m)) }

// againAfter is the pause before a record is looked for the next time, after so many
// times.
func againAfter(times int) time.Duration {
	return min(firstMissWait<<min(times, 10), GoneAfter<<mostDoublings)
}

// A Judgement is whether a record that reads as not found was deleted.
type Judgement int

// The judgements.
const (
	NotJudged Judgement = iota
	Deleted
	Hidden // or it cannot be told: it is kept
)

// A ReadStatus is what became of reading one side.
type ReadStatus int

// A side is read, or not yet, or its system says that it is not there.
const (
	Unread ReadStatus = iota
	Found
	NotFound
)

// A Life is what decides about a link as a whole, before any of its fields.
type Life struct {
	Phase   links.Phase
	Missing *links.Missing
	Target  ReadStatus
	Source  ReadStatus
	Judged  Judgement // of the side that is not found

	Private      bool // the source, once it is read
	TakesPrivate bool // its route takes private records
	KeepsPrivate bool // its template keeps the ticket of a record that turns private
	Now          time.Time
}

// A Step is what is to be done next about a link.
type Step int

// The steps. Reads come first: the target and then the source, so that its
// privacy is as fresh as can be when something is sent (rule 3.4).
const (
	ReadTarget Step = iota
	ReadSource
	Stop     // it turned private: nothing derived from contents is kept (rule 8.3)
	Rest     // nothing, until a person or a side changes it
	NoteMiss // a side is not there, for the first time: look again after GoneAfter
	AwaitMiss
	Judge    // find out whether a side that is not there was deleted
	KeepMiss // it does not count as deleted: look again later
	Lose     // a side is gone (rule 8.1)
	Sync     // both are there
)

// Next is the next step; side is the one that is not there.
func (l Life) Next() (step Step, side links.Side) {
	stopped := l.Phase == links.Stopped
	if !stopped { // of a stopped one only the source is looked at
		switch l.Target {
		case Unread:
			return ReadTarget, links.Target
		case NotFound:
			return l.lost(links.Target, links.Gone)
		}
	}
	switch {
	case l.Source == Unread:
		return ReadSource, links.Source
	case l.Source == NotFound:
		return l.lost(links.Source, links.Detached)
	case l.Private && !l.TakesPrivate && !l.KeepsPrivate && stopped:
		return Rest, links.Source
	case l.Private && !l.TakesPrivate && !l.KeepsPrivate:
		return Stop, links.Source
	case l.Target == Unread: // public again
		return ReadTarget, links.Target
	case l.Target == NotFound:
		return l.lost(links.Target, links.Gone)
	}
	return Sync, ""
}

// lost decides about a side that could not be found: after two reads, ten
// minutes apart, it is gone if it was deleted, and the link is in the phase of then.
func (l Life) lost(side links.Side, then links.Phase) (Step, links.Side) {
	m := l.Missing
	switch {
	case l.Phase == then:
		return Rest, side
	case m == nil, m.Side != string(side), m.At.After(l.Now): // by a clock that was set back since
		return NoteMiss, side
	case l.Now.Before(MissDue(m)):
		return AwaitMiss, side
	case l.Judged == NotJudged:
		return Judge, side
	case l.Judged == Hidden:
		return KeepMiss, side
	}
	return Lose, side
}
