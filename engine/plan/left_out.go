package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// entryOf splits the name of an entry of a map field, "custom_fields/Team". Of
// another field the entry is "".
func entryOf(name string) (field, entry string) {
	field, entry, _ = strings.Cut(name, "/")
	return field, entry
}

// draft is what a ticket is opened with, without the fields that its system
// refuses: it took no account, say, that a look-up asks for. left are those, fatal the
// failures for which no ticket is opened: a value that is wrong in itself, and a
// field without which there is none.
func (o *Opening) draft(values []rules.Value, needs *Needs) (send map[string]any, left, fatal []Failure) {
	send, failed := o.resolve(links.Target, values, o.Digest, needs)
	for _, f := range failed {
		if looked := f.Reason == connectors.CodeRefNotFound || f.Reason == connectors.CodeRefAmbiguous; looked && !o.required(f.Field) {
			left = append(left, f)
		} else {
			fatal = append(fatal, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Refused)) {
		left = append(left, o.Refused[name])
		field, entry := entryOf(name)
		entries, ok := send[field].(map[string]any)
		if entry == "" || !ok {
			delete(send, field)
			continue
		}
		entries = maps.Clone(entries)
		delete(entries, entry)
		send[field] = entries
	}
	return send, left, fatal
}

// leftOut is how a claim remembers what its ticket is opened without.
func leftOut(values []rules.Value, left []Failure) (all []links.LeftOut) {
	for _, f := range left {
		field, _ := entryOf(f.Field)
		once := slices.ContainsFunc(values, func(v rules.Value) bool { return v.Once && (v.Field == f.Field || v.Field == field) })
		all = append(all, links.LeftOut{Field: f.Field, Reason: f.Reason, Once: once})
	}
	return all
}

// Without returns the claim with what has been left out since.
func (o *Opening) Without() *links.Link {
	_, left, _ := o.draft(o.values(), &Needs{})
	next := *o.Claim
	opened := *o.Claim.Opened
	opened.Left = leftOut(o.values(), left)
	next.Opened = &opened
	return &next
}

// required reports whether there is no record without a field.
func (o *Opening) required(name string) bool {
	field, _ := entryOf(name)
	return o.Target.Schema == nil || o.Target.Schema.Fields[field].Required
}

// LeaveOut notes what of a draft its system has refused, so that the next one goes
// without; false: there is nothing that could be left out.
func (o *Opening) LeaveOut(draft *connectors.Draft, said *connectors.Error) bool {
	found := false
	for name, failure := range refusalsOf(said) {
		field, _ := entryOf(name)
		_, sent := draft.Fields[field]
		_, moved := draft.TransitionFields[field]
		if _, known := o.Refused[name]; known || !sent && !moved || o.required(name) {
			continue
		}
		if o.Refused == nil {
			o.Refused = map[string]Failure{}
		}
		o.Refused[name], found = failure, true
	}
	return found
}

// refusalsOf are the fields that a refusal names, each with what is said of it.
func refusalsOf(said *connectors.Error) map[string]Failure {
	code := CodeOf(said, deadletter.ReasonRejected)
	if len(said.Fields) == 0 {
		return map[string]Failure{said.Field: Fail(said.Field, code, said.Error())}
	}
	all := map[string]Failure{}
	for name, words := range said.Fields {
		one := *said
		one.Field, one.Message = name, words
		all[name] = Fail(name, code, one.Error())
	}
	return all
}

// refuses reports whether a refusal names a field, or an entry of it.
func refuses(refusals map[string]Failure, field string) bool {
	for name := range refusals {
		if named, _ := entryOf(name); named == field && name != "" {
			return true
		}
	}
	return false
}
