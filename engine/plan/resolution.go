package plan

import (
	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Resolution is what a system makes of a value, or why it cannot.
type Resolution struct {
	Value   any // nil: leave the field alone
	Failure *connectors.Error
}

// Resolutions are what the systems of both sides make of values, as far as they
// were asked.
type Resolutions struct {
	known map[resolved]Resolution
}

type resolved struct {
	side          links.Side
	field, digest string
}

func keyOf(side links.Side, v rules.Value, d links.Digester) resolved {
	return resolved{side, v.Field, d.Of(v.Value)}
}

// Set adds what a system makes of a value.
func (r *Resolutions) Set(side links.Side, v rules.Value, d links.Digester, as Resolution) {
	if r.known == nil {
		r.known = map[resolved]Resolution{}
	}
	r.known[keyOf(side, v, d)] = as
}

// resolve looks up what a side's system makes of values. What fails comes back
// as such; what is not known yet is asked for.
func (r *Resolutions) resolve(side links.Side, values []rules.Value, d links.Digester, needs *Needs) (send map[string]any, failed []Failure) {
	send = map[string]any{}
	for _, v := range values {
		switch {
		case v.Err != nil:
			failed = append(failed, Fail(v.Field, ReasonOf(v.Err), v.Err.Error()))
		case v.Value != nil:
			as, known := r.known[keyOf(side, v, d)]
			switch {
			case !known:
				needs.resolve(side, v)
			case as.Failure != nil:
				failed = append(failed, Fail(v.Field, CodeOf(as.Failure, deadletter.ReasonRejected), as.Failure.Error()))
			case as.Value != nil:
				send[v.Field] = as.Value
			}
		}
	}
	return send, failed
}

func (n *Needs) resolve(side links.Side, v rules.Value) {
	if n.Resolve == nil {
		n.Resolve = map[links.Side][]rules.Value{}
	}
	n.Resolve[side] = append(n.Resolve[side], v)
}
