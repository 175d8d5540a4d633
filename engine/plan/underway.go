package plan

import (
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// firstLook is the first pause between two looks for what became of a request.
const firstLook = 2 * time.Second

// underWay reports whether a request may still take effect of which nobody knows
// what became: its owner may be at it, or have lost its answer (rule 3.3).
func (o *Observation) underWay() bool { return o.Link.Intent != nil && o.Left > 0 }

// lookAgain looks for what became of a request, each time after a pause as long
// as it has been under way, until it can no longer take effect.
func (o *Observation) lookAgain() Operation {
	pause := min(max(o.Age, firstLook), o.Left)
	return Operation{Kind: KindWait, Until: o.Now.Add(pause), Reason: "a request may still take effect"}
}

// tookEffect reports whether it is certain that a request that may be under way
// has taken effect: then it is settled at once. That nothing is found of it says
// nothing yet.
func (o *Observation) tookEffect() (bool, Needs) { return looking{o}.done() }

// looking finds out what became of a request that may be under way.
type looking struct{ *Observation }

func (o looking) done() (bool, Needs) {
	intent := o.Link.Intent
	if len(intent.Items) > 0 {
		return o.itemsThere()
	}
	e := o.Endpoints.Of(links.Side(intent.Side))
	if e.Record.Stamp != "" {
		return e.Record.Stamp == intent.ID, Needs{}
	}
	if _, remembers := e.System.(connectors.HistoryReader); !remembers || e.Record.Version == intent.ReadVersion || !o.standsAsSent(e) {
		return false, Needs{}
	}
	if o.histories == nil {
		return false, Needs{Histories: true}
	}
	return o.writtenByUs(o.histories[links.Side(intent.Side)]), Needs{}
}

// standsAsSent reports whether every field of the intent is what was sent, and was
// something else.
func (o looking) standsAsSent(e *Endpoint) bool {
	intent := o.Link.Intent
	for name, sent := range intent.Fields {
		if have := o.Digest.Of(FieldAt(e.Record, FieldPath(links.FieldOf(name)))); have != sent.Sent || have == sent.Was {
			return false
		}
	}
	return intent.State == nil || fmt.Sprint(FieldAt(e.Record, intent.StatePath)) != intent.StateWas
}

// writtenByUs reports whether the last change of every field of the intent is
// lockstep's: that one led to what stands there, and so came after the version
// that was read.
func (o looking) writtenByUs(changes []connectors.FieldChange) bool {
	intent := o.Link.Intent
	paths := [][]string{}
	for name := range intent.Fields {
		paths = append(paths, FieldPath(links.FieldOf(name)))
	}
	if intent.State != nil {
		paths = append(paths, intent.StatePath)
	}
	for _, path := range paths {
		var last connectors.FieldChange
		for _, c := range changes {
			if Touches(c.Field, path) && !c.At.Before(last.At) {
				last = c
			}
		}
		if !last.Ours {
			return false
		}
	}
	return true
}

// itemsThere reports whether the copy of every item of the intent is found, or the
// item may be sent again and is added once.
func (o looking) itemsThere() (bool, Needs) {
	var needs Needs
	probe := Plan{Link: o.Link.Clone()}
	on := *o.Observation
	on.Link = probe.Link
	on.items(&probe, &needs)
	if !needs.None() {
		return false, needs
	}
	under := map[string]bool{}
	for _, id := range o.Link.Intent.Items {
		under[id] = true
	}
	for _, op := range probe.Operations {
		if under[op.Item.ID()] && (op.Item.Post == nil || !o.Endpoints.Of(op.Side).Takes.CommentsOnce) {
			return false, Needs{}
		}
	}
	return !probe.Refused, Needs{}
}
