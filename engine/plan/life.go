package plan

import (
	"time"

	"github.com/lockstep-sync/lockstep/engine/links"
)

// GoneAfter is when a side that was not found is read again (rule 8.1).
const GoneAfter = 10 * time.Minute

// A Sight is what is known of one side.
type Sight int

// A side is read, or not yet, or its system says that it is not there.
const (
	Unread Sight = iota
	There
	NotFound
)

// A Life is what decides about a link as a whole, before any of its fields.
type Life struct {
	Phase   links.Phase
	Missing *links.Missing
	Target  Sight
	Source  Sight

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
	Lose // a side is gone (rule 8.1)
	Sync // both are there
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
// minutes apart, it is gone, and the link is in the phase of then.
func (l Life) lost(side links.Side, then links.Phase) (Step, links.Side) {
	m := l.Missing
	switch {
	case l.Phase == then:
		return Rest, side
	case m == nil, m.Side != string(side), m.At.After(l.Now): // by a clock that was set back since
		return NoteMiss, side
	case l.Now.Before(m.At.Add(GoneAfter)):
		return AwaitMiss, side
	}
	return Lose, side
}
