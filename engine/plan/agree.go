package plan

import (
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// Intent returns what the next request to a side will carry, and its fields (rule 3.7).
func (o *Observation) Intent(id string, to links.Side, writes []Write) (*links.Intent, map[string]any) {
	d := o.Digest
	intent := &links.Intent{ID: id, Side: string(to), ReadVersion: o.Endpoints.Of(to).Record.Version, Fields: map[string]links.Sent{}}
	fields := map[string]any{}
	for _, f := range writes {
		fields[f.Mapping.Field] = f.Value
		if f.Mapping.State {
			intent.State, intent.StatePath, intent.StateWas = f.Agreed, f.Mapping.Path, fmt.Sprint(f.Was)
			continue
		}
		intent.Fields[f.Mapping.Name] = links.Sent{From: d.Of(f.Mapping.Want), Sent: d.Of(f.Value), Was: d.Of(f.Was), Expr: f.Mapping.Expr}
	}
	return intent, fields
}

// Agreed is what follows from the answer to a request.
type Agreed struct {
	Wrote     []string
	Letters   []Failure // new dead letters
	Recovered []string  // fields whose dead letters have come true
}

// Agree takes what the system answered as agreed (rule 3.8). A field that still
// holds its value from before did not stick: nothing new was agreed, so that a
// retry writes it again.
func (o *Observation) Agree(to links.Side, writes []Write, answer connectors.Record) (out Agreed) {
	e, d := o.Endpoints.Of(to), o.Digest
	var held []Write
	for _, f := range writes {
		name, path := f.Mapping.Name, f.Mapping.Path
		have := FieldAt(answer, path)
		out.Wrote = append(out.Wrote, links.Label(name))
		now := links.Agreement{From: d.Of(f.Mapping.Want), Have: d.Of(have), Expr: f.Mapping.Expr}
		if now.Have == d.Of(f.Was) && !e.Same(f.Mapping.Field, f.Value, have) {
			pair := d.Pair(now.From, now.Have)
			if f.Mapping.State {
				pair = f.Mapping.Pair
			}
			if o.Reject(o.Link, name, pair, Failure{Reason: deadletter.ReasonDidNotStick}) {
				out.Letters = append(out.Letters, Fail(links.Label(name), deadletter.ReasonDidNotStick, DidNotStick(answer, f.Mapping.Field)))
			}
			continue
		}
		held = append(held, f)
		if f.Mapping.State {
			path = path[:1] // the category moves with the state
		}
		*e = e.With(path, FieldAt(answer, path))
		if !f.Mapping.State && !f.Mapping.Once {
			o.Link.Fields[name] = now
		}
		if o.Link.ClearRefusal(name) {
			out.Recovered = append(out.Recovered, links.Label(name))
		}
	}
	if slices.ContainsFunc(held, func(f Write) bool { return f.Mapping.State }) {
		agreeing{o}.agreeState()
		agreeing{o}.adoptFollowers(to)
	}
	agreeing{o}.agreePartners(&o.Endpoints, held)
	return out
}

// agreeing moves the agreements that follow from a write.
type agreeing struct{ *Observation }

// agreeState takes the states as agreed once one was written.
func (o agreeing) agreeState() {
	from, to := o.Endpoints.Source.State(o.Template.State.SourceField), o.Endpoints.Target.State(o.Template.State.TargetField)
	o.Link.State = &links.StatePair{Source: from.Raw, SourceCategory: from.Category, Target: to.Raw, TargetCategory: to.Category}
}

// adoptFollowers agrees on what people wrote into a record when they moved it: a
// mapping that had nothing to say before the other side followed (the notes of a
// resolution) must not put its own words over theirs.
func (o agreeing) adoptFollowers(followed links.Side) {
	d, moved := o.Digest, links.Other(followed)
	name := links.Outbound
	if moved == links.Source {
		name = links.Inbound
	}
	for _, v := range valuesFor(o.linked(&o.Endpoints), moved) {
		have := FieldAt(o.Endpoints.Of(moved).Record, FieldPath(v.Field))
		last, agreed := o.Link.Fields[name(v.Field)]
		if !v.Once && v.Err == nil && v.Value != nil && agreed && last.From == d.Of(nil) && !Empty(have) {
			o.Link.Fields[name(v.Field)] = links.Agreement{From: d.Of(v.Value), Have: d.Of(have), Expr: v.Expr}
		}
	}
}

// agreePartners sets the agreements of the partners of what was written: from
// the records as they were read, with only the written fields replaced by the
// answer's values (section 4, note 1).
func (o agreeing) agreePartners(endpoints *Endpoints, writes []Write) {
	if !slices.ContainsFunc(writes, func(f Write) bool { return f.Mapping.Pair != "" && !f.Mapping.State }) {
		return
	}
	decision := o.linked(endpoints)
	for to, values := range map[links.Side][]rules.Value{links.Target: decision.Values, links.Source: decision.Inbound} {
		for _, v := range values {
			name, partner := links.Outbound(v.Field), links.Inbound(v.Pair)
			if to == links.Source {
				name, partner = links.Inbound(v.Field), links.Outbound(v.Pair)
			}
			// Of several that read what was written, each knows its partner, the
			// written one only one of them.
			reads := slices.ContainsFunc(writes, func(f Write) bool {
				return !f.Mapping.State && (f.Mapping.Pair == name || v.Pair != "" && f.Mapping.Name == partner)
			})
			if !reads || v.Once || v.Err != nil {
				continue
			}
			have := endpoints.Have(Mapping{Side: to, Path: FieldPath(v.Field)})
			o.Link.Fields[name] = links.Agreement{From: o.Digest.Of(v.Value), Have: o.Digest.Of(have), Expr: v.Expr}
		}
	}
}

// LeaveOut remembers what was refused, the fields that the system named or else
// all of them, and returns what is left to send.
func (o *Observation) LeaveOut(writes []Write, said *connectors.Error) (left []Write, letters []Failure) {
	d, refusals := o.Digest, refusalsOf(said)
	named := slices.ContainsFunc(writes, func(f Write) bool { return refuses(refusals, f.Mapping.Field) })
	for _, f := range writes {
		if named && !refuses(refusals, f.Mapping.Field) {
			left = append(left, f)
			continue
		}
		pair := d.Pair(d.Of(f.Mapping.Want), d.Of(f.Was))
		if f.Mapping.State {
			pair = f.Mapping.Pair
		}
		failure := Refused(links.Label(f.Mapping.Name), CodeOf(said, deadletter.ReasonRejected), said)
		if o.Reject(o.Link, f.Mapping.Name, pair, failure) {
			letters = append(letters, failure)
		}
	}
	return left, letters
}

// Settle finds out what became of an intent whose answer was lost, from
// evidence; it is never replayed (section 5). What the merge then sees is as if
// the answer had come, or the request had not been sent. While needs is not
// empty, nothing is settled.
func (o *Observation) Settle(decision rules.Decision) ([]Note, Needs) {
	intent := o.Link.Intent
	to := links.Side(intent.Side)
	e := o.Endpoints.Of(to)
	if len(intent.Fields) == 0 && intent.State == nil || !e.Takes.Fields {
		o.Link.Intent = nil
		return nil, Needs{} // items, whose copies are looked for; or it takes no writes any more
	}
	var needs Needs
	mappings, _ := updating{o}.mappings(to, valuesFor(decision, to), &links.Link{Fields: map[string]links.Agreement{}}, &needs)
	if !needs.None() {
		return nil, needs
	}
	o.Link.Intent = nil
	known := map[string]Mapping{}
	for _, m := range mappings {
		known[m.Name] = m
	}
	done, notes := SettleFields(intent, e, known, o.Link.Fields, o.Digest)
	as := o.Endpoints // as they were when the request was done
	for _, f := range done {
		*as.Of(to) = as.Of(to).With(f.Mapping.Path, f.Value)
	}
	agreeing{o}.agreePartners(&as, done)
	if intent.State != nil {
		if written, _ := e.Evidence(intent, fmt.Sprint(FieldAt(e.Record, intent.StatePath)) != intent.StateWas); written {
			o.Link.State = intent.State
		}
	}
	return notes, Needs{}
}
