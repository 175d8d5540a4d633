package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// An Update is what should become of the fields and states of both records, and
// of what is agreed on them before any write is answered.
type Update struct {
	Link      *links.Link // as it will be
	Writes    []Write
	Notes     []Note
	Letters   []Failure // new dead letters
	Recovered []string  // fields whose dead letters have come true
	Diverged  bool      // something stands on one side alone, and is left there
	// Supersede is true where the source came back after its ticket was closed,
	// and is to get a new one: then nothing else counts.
	Supersede bool

	moving map[string]any // what may travel along with a state change of the target
}

// Operations returns what the update does, in its order: the target is written before
// the source (rule 3.8).
func (u *Update) Operations() []Operation {
	var all []Operation
	for _, to := range []links.Side{links.Target, links.Source} {
		writes := slices.DeleteFunc(slices.Clone(u.Writes), func(f Write) bool { return f.Mapping.Side != to })
		if len(writes) == 0 {
			continue
		}
		op := writing(to, writes)
		if to == links.Target {
			op.Moving = u.moving
		}
		all = append(all, op)
	}
	return all
}

// Update decides by the rules' decision what to write: the merge of all
// mappings, and then the states. While needs is not empty, nothing is decided.
func (o *Observation) Update(decision rules.Decision) (Update, Needs) {
	return updating{o}.plan(decision)
}

// updating plans an update.
type updating struct{ *Observation }

func (o updating) plan(decision rules.Decision) (u Update, needs Needs) {
	u.Link = o.Link.Clone()
	var mappings []Mapping
	failed := map[string]bool{}
	for _, to := range []links.Side{links.Target, links.Source} {
		if !o.Endpoints.Of(to).Takes.Fields {
			continue // the system takes no writes; loading has warned of it
		}
		alive, rejected := o.mappings(to, valuesFor(decision, to), u.Link, &needs)
		mappings = append(mappings, alive...)
		for _, r := range rejected {
			failed[r.name] = true
			u.reject(o.Observation, r.name, r.pair, r.Failure)
		}
	}
	if !needs.None() {
		return u, needs
	}
	in := o.input(u.Link, mappings)
	merged := Merge(in)
	if in.Conflict == rules.LatestWins && len(merged.Conflicts) > 0 {
		if o.histories == nil {
			return u, Needs{Histories: true}
		}
		in.Newest = Newest(&o.Endpoints, u.Link.Seen, o.histories, merged.Conflicts)
		merged = Merge(in)
	}
	u.Diverged = merged.Diverged || len(failed) > 0
	for name, agreement := range u.Link.Fields {
		// Of mappings that failed. Those that the template no longer has go.
		if _, ok := merged.Agreed[name]; !ok && failed[name] {
			merged.Agreed[name] = agreement
		}
	}
	u.Link.Fields, u.Writes, u.Notes = merged.Agreed, merged.Writes, merged.Notes
	pairs := o.state(&u, &needs)
	if u.Supersede || !needs.None() {
		return u, needs
	}
	for _, m := range mappings {
		pairs[m.Name] = o.Digest.Pair(o.Digest.Of(m.Want), o.Digest.Of(in.Have(m)))
	}
	u.Recovered = clearChanged(u.Link, pairs, func(name string) bool {
		return failed[name] || strings.HasPrefix(name, links.ItemPrefix) // which have their own
	})
	o.onceAgain(&u, &needs)
	u.moving, _ = o.resolve(links.Target, o.onceValues(u.Writes), o.Digest, &needs)
	return u, needs
}

// onceAgain adds the values that a ticket was opened without and that a person has
// asked to be tried again, as long as their fields are empty: from then on they are
// other people's.
func (o updating) onceAgain(u *Update, needs *Needs) {
	var asked []links.Refusal
	for _, r := range u.Link.Refused {
		if r.Once && r.Again {
			asked = append(asked, r)
		}
	}
	if len(asked) == 0 {
		return
	}
	values := o.withOnce().Values
	for _, r := range asked {
		i := slices.IndexFunc(values, func(v rules.Value) bool { return v.Once && links.Outbound(v.Field) == r.What })
		was := FieldAt(o.Endpoints.Target.Record, FieldPath(links.FieldOf(r.What)))
		var v rules.Value
		if i >= 0 {
			v = values[i]
			v.Value = missing(v.Value, was)
		}
		if v.Value == nil && v.Err == nil {
			u.Link.ClearRefusal(r.What)
			u.Recovered = append(u.Recovered, links.Label(r.What))
			continue
		}
		send, failed := o.resolve(links.Target, []rules.Value{v}, o.Digest, needs)
		if len(failed) > 0 {
			u.reject(o.Observation, r.What, o.Digest.Pair(o.Digest.Of(v.Value), o.Digest.Of(was)), failed[0])
			continue
		}
		u.Writes = append(u.Writes, Write{
			Mapping: Mapping{Name: r.What, Side: links.Target, Field: v.Field, Path: FieldPath(v.Field), Once: true, Expr: v.Expr, Want: v.Value, Send: send[v.Field], Ready: true},
			Value:   send[v.Field], Was: was,
		})
	}
}

// missing is what of a value a field lacks altogether: all of it, some entries of a
// map, or nil.
func missing(want, have any) any {
	entries, isMap := want.(map[string]any)
	there, _ := have.(map[string]any)
	if isMap && len(there) > 0 {
		entries = maps.Clone(entries)
		maps.DeleteFunc(entries, func(name string, _ any) bool { return !Empty(there[name]) })
		if len(entries) > 0 {
			return entries
		}
		return nil
	}
	if !Empty(have) {
		return nil
	}
	return want
}

// withOnce asks the rules for what is written once as well.
func (o updating) withOnce() rules.Decision {
	return o.Decide(rules.Input{
		Record: o.Endpoints.Source.Record, Linked: o.Link.Template, LinkID: o.Link.ID, Parent: o.Parent, WithOnce: true,
	})
}

func valuesFor(d rules.Decision, to links.Side) []rules.Value {
	if to == links.Source {
		return d.Inbound
	}
	return d.Values
}

func (u *Update) reject(o *Observation, name, pair string, f Failure) {
	if o.Reject(u.Link, name, pair, f) {
		u.Letters = append(u.Letters, Fail(links.Label(name), f.Reason, f.Message))
	}
}

// input returns what the merge looks at.
func (o updating) input(link *links.Link, mappings []Mapping) Input {
	paused := o.paused(link, mappings)
	return Input{
		Mappings: mappings,
		Agreed:   link.Fields,
		Have:     o.Endpoints.Have,
		Conflict: o.Template.Conflict,
		Same:     func(m Mapping, have any) bool { return o.Endpoints.Of(m.Side).Same(m.Field, m.Send, have) },
		Refused: func(name, pair string) bool {
			r, ok := link.Refusal(name)
			return ok && r.Pair == pair && r.Stands(o.Now) || paused[name]
		},
		Digest: o.Digest,
	}
}

// A rejection is a mapping that cannot be worked out, with the pair of values by
// which it is remembered.
type rejection struct {
	name, pair string
	Failure
}

// mappings makes the mappings that write to one side of their values. Only those
// that changed since link was agreed on have to be resolved.
func (o updating) mappings(to links.Side, values []rules.Value, link *links.Link, needs *Needs) ([]Mapping, []rejection) {
	name, partner := links.Outbound, links.Inbound
	if to == links.Source {
		name, partner = links.Inbound, links.Outbound
	}
	needed, needsSend := []rules.Value{}, map[string]bool{}
	all := []Mapping{}
	for _, v := range values {
		if v.Once {
			continue
		}
		m := Mapping{Name: name(v.Field), Side: to, Field: v.Field, Path: FieldPath(v.Field), Expr: v.Expr, Want: v.Value, Reads: v.Reads}
		if v.Pair != "" {
			m.Pair = partner(v.Pair)
		}
		last, agreed := link.Fields[m.Name]
		if v.Err != nil || Changed(m, last, agreed, o.Digest) {
			needed, needsSend[v.Field] = append(needed, v), true
		}
		if v.Err == nil {
			all = append(all, m)
		}
	}
	send, failed := o.resolve(to, needed, o.Digest, needs)
	dead := map[string]bool{}
	rejected := make([]rejection, len(failed))
	for i, f := range failed {
		of := name(f.Field)
		dead[of] = true
		rejected[i] = rejection{of, o.Digest.Pair(f.Reason, wantOf(values, f, o.Digest)), f}
	}
	alive := all[:0]
	for _, m := range all {
		if !dead[m.Name] {
			m.Send, m.Ready = send[m.Field], needsSend[m.Field]
			alive = append(alive, m)
		}
	}
	return alive, rejected
}

// wantOf tells one failure of a mapping from another: by the value that could
// not be resolved, for what a system says differs from time to time, or by
// what the rules said where there is no value.
func wantOf(values []rules.Value, f Failure, d links.Digester) string {
	for _, v := range values {
		if v.Field == f.Field && v.Err == nil {
			return d.Of(v.Value)
		}
	}
	return f.Message
}

// onceValues returns the once values of a template whose fields are empty: a system
// may ask for them when the ticket's state changes, and then they travel along
// (rule 4.4). A value that fails is left out.
func (o updating) onceValues(writes []Write) (wanted []rules.Value) {
	if !slices.ContainsFunc(writes, func(f Write) bool { return f.Mapping.State && f.Mapping.Side == links.Target }) {
		return nil
	}
	for _, v := range o.withOnce().Values {
		if v.Once && v.Err == nil && v.Value != nil && Empty(FieldAt(o.Endpoints.Target.Record, FieldPath(v.Field))) {
			wanted = append(wanted, v)
		}
	}
	return wanted
}
