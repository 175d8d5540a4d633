package engine

import (
	"slices"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// A mapping is one value as it should be now.
type mapping struct {
	name  string     // outbound(field) or inbound(field)
	side  links.Side // where the field is
	field string     // as its system's Resolve and Update call it
	path  []string   // of the field within a record
	state bool       // it writes the state of the link, which has agreements of its own
	expr  string
	reads [][]string // paths on the other side that it reads
	pair  string     // name of the mapping that reads what this one writes, and the other way round
	want  any        // as rendered
	send  any        // as the system resolved it; nil: leave the field alone
	ready bool       // send is known; a mapping that changed must be
}

// mergeInput is all that the merge looks at.
type mergeInput struct {
	mappings []mapping
	agreed   map[string]links.Agreement
	refused  func(name, pair string) bool // this very pair was refused
	have     func(m mapping) any          // what the written field holds now
	conflict rules.Conflict
	newest   map[string]links.Side // of conflicts by time, by mapping: the side that changed last
	same     func(m mapping, have any) bool
	digest   links.Digester
}

// wins reports whether, in a conflict, the value wins that a mapping would
// write. By time the source wins where no time is known.
func (in mergeInput) wins(m mapping) bool {
	if newest, known := in.newest[m.name]; known && in.conflict == rules.LatestWins {
		return newest != m.side
	}
	return wins(in.conflict, m.side)
}

// A write is one field to send.
type write struct {
	mapping mapping
	value   any
	was     any
	agreed  *links.StatePair // of a state: what is agreed when it is written
}

// A note is something that the merge decided and somebody may ask about.
type note struct {
	Field string     `json:"field"`
	What  string     `json:"what"`           // "differs", "conflict", "unclear", "unmapped", …
	Lost  any        `json:"lost,omitempty"` // the losing value of a conflict
	Side  links.Side `json:"side,omitempty"` // whose value lost
}

// mergeResult is what should become of both sides and of the agreements.
type mergeResult struct {
	writes []write
	agreed map[string]links.Agreement
	notes  []note

	clashes []clash // conflicts, for whoever decides them by time
	uneven  bool    // something stands on one side alone, and is left there
}

// merge decides what to write. It is the table of the protocol, row by row,
// and pure. Each mapping is decided by itself; of a pair, one leaves to the
// other what the other carries.
func merge(in mergeInput) mergeResult {
	out := mergeResult{agreed: map[string]links.Agreement{}}
	adopted, left := map[string]bool{}, map[string]links.Agreement{}
	var lost []mapping
	for _, m := range in.mappings {
		have := in.have(m)
		last, agreed := in.agreed[m.name]
		now := links.Agreement{From: in.digest.Of(m.want), Have: in.digest.Of(have), Expr: m.expr}
		if in.refused(m.name, in.digest.Pair(now.From, now.Have)) {
			if agreed {
				out.agreed[m.name] = last
			}
			out.uneven = true
			continue
		}
		wantChanged, haveChanged, edited := now.From != last.From, now.Have != last.Have, last.Expr != m.expr
		equal := func() bool { return m.ready && in.same(m, have) }
		agree := func() { out.agreed[m.name] = now }
		differ := func() {
			agree()
			theirs := now
			theirs.Differs = !empty(have)
			out.agreed[m.name] = theirs
		}
		adopt := func() {
			agree()
			adopted[m.name] = true
			if !equal() {
				differ()
				out.notes = append(out.notes, note{Field: m.field, What: "differs"})
			}
		}
		send := func() {
			if agreed {
				out.agreed[m.name] = last // until the answer is here
			}
			out.writes = append(out.writes, write{mapping: m, value: m.send, was: have})
			if agreed && last.Differs && !haveChanged {
				out.notes = append(out.notes, note{Field: m.field, What: noteOverwritten, Lost: have, Side: m.side})
			}
		}

		switch {
		case m.want == nil, m.ready && m.send == nil:
			differ()
			adopted[m.name] = true // what was cleared stands, and the partner does not carry it
		case !agreed && (equal() || !empty(have)):
			adopt()
		case !agreed:
			send()
		case edited && (haveChanged || m.side == links.Source):
			adopt() // a reload never beats a person, and writes nothing back by itself
		case edited && (!wantChanged || equal()):
			if agree(); !wantChanged && !equal() {
				differ() // it says what it said: what stands there may be a person's
			}
		case edited:
			send()
		case !wantChanged:
			out.agreed[m.name] = last // a value people wrote is theirs, or the pair's to carry
			left[m.name] = now
			out.uneven = out.uneven || haveChanged && m.pair == ""
		case equal():
			agree()
		case !haveChanged:
			send()
		case in.wins(m):
			send()
			out.clash(in, m)
			out.notes = append(out.notes, note{Field: m.field, What: noteConflict, Lost: have, Side: m.side})
		default:
			differ()
			out.clash(in, m)
			lost = append(lost, m)
			if m.pair == "" { // of a pair the one that writes says so
				out.notes = append(out.notes, note{Field: m.field, What: noteConflict, Lost: m.want, Side: links.Other(m.side)})
			}
		}
	}
	for _, m := range in.mappings {
		if now, ok := left[m.name]; ok && adopted[m.pair] {
			now.Differs = out.agreed[m.pair].Differs
			out.agreed[m.name] = now // both stand as they are: what the partner adopted, it does not carry
		}
	}
	out = out.untangled(in)
	// What loses to its partner agrees when the partner's write is answered, and
	// not before: until then time, or another configuration, may decide anew.
	for _, m := range lost {
		last, agreed := in.agreed[m.name]
		if agreed && slices.ContainsFunc(out.writes, func(f write) bool { return f.mapping.name == m.pair }) {
			out.agreed[m.name] = last
		}
	}
	return out
}

// clash takes note of a conflict.
func (r *mergeResult) clash(in mergeInput, m mapping) {
	r.clashes = append(r.clashes, clash{name: m.name, to: m.side, read: m.reads, wrote: m.path})
	if _, known := in.newest[m.name]; !known && in.conflict == rules.LatestWins {
		r.notes = append(r.notes, note{Field: m.field, What: noteTimeUnknown})
	}
}

// untangled leaves out, where both of a pair would be written, the one that
// loses conflicts: they would swap their values. Its agreement stays until the
// other one's answer sets it.
func (r mergeResult) untangled(in mergeInput) mergeResult {
	written := map[string]bool{}
	for _, w := range r.writes {
		written[w.mapping.name] = true
	}
	r.writes = slices.DeleteFunc(r.writes, func(w write) bool {
		m := w.mapping
		if !written[m.pair] || in.wins(m) {
			return false
		}
		said := note{Field: links.FieldOf(m.pair), What: noteConflict, Side: links.Other(m.side)}
		if !slices.ContainsFunc(r.notes, func(n note) bool { return n.Field == said.Field && n.What == said.What && n.Side == said.Side }) {
			said.Lost = m.want
			r.notes = append(r.notes, said)
		}
		return true
	})
	return r
}

// wins reports whether, in a conflict that time does not decide, the value wins
// that is to be written to the side.
func wins(c rules.Conflict, written links.Side) bool {
	return (c == rules.TargetWins) == (written == links.Source)
}

// changed reports whether the merge will need to know what a mapping's value
// is to the system: every row but "same".
func changed(m mapping, last links.Agreement, agreed bool, d links.Digester) bool {
	return m.want != nil && (!agreed || last.Expr != m.expr || last.From != d.Of(m.want))
}

func empty(v any) bool { return v == nil || v == "" }
