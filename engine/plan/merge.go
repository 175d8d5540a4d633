package plan

import (
	"slices"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Mapping is one value as it should be now.
type Mapping struct {
	Name  string     // outbound(field) or inbound(field)
	Side  links.Side // where the field is
	Field string     // as its system's Resolve and Update call it
	Path  []string   // of the field within a record
	State bool       // it writes the state of the link, which has agreements of its own
	Expr  string
	Reads [][]string // paths on the other side that it reads
	Pair  string     // name of the mapping that reads what this one writes, and the other way round
	Want  any        // as rendered
	Send  any        // as the system resolved it; nil: leave the field alone
	Ready bool       // send is known; a mapping that changed must be
}

// Input is all that the merge looks at.
type Input struct {
	Mappings []Mapping
	Agreed   map[string]links.Agreement
	Refused  func(name, pair string) bool // this very pair was refused
	Have     func(m Mapping) any          // what the written field holds now
	Conflict rules.Conflict
	Newest   map[string]links.Side // of conflicts by time, by mapping: the side that changed last
	Same     func(m Mapping, have any) bool
	Digest   links.Digester
}

// wins reports whether, in a conflict, the value wins that a mapping would
// write. By time the source wins where no time is known.
func (in Input) wins(m Mapping) bool {
	if newest, known := in.Newest[m.Name]; known && in.Conflict == rules.LatestWins {
		return newest != m.Side
	}
	return wins(in.Conflict, m.Side)
}

// A Write is one field to send.
type Write struct {
	Mapping Mapping
	Value   any
	Was     any
	Agreed  *links.StatePair // of a state: what is agreed when it is written
}

// A Note is something that the merge decided and somebody may ask about.
type Note struct {
	Field string     `json:"field"`
	What  string     `json:"what"`           // "differs", "conflict", "unclear", "unmapped", …
	Lost  any        `json:"lost,omitempty"` // the losing value of a conflict
	Side  links.Side `json:"side,omitempty"` // whose value lost
}

// Result is what should become of both sides and of the agreements.
type Result struct {
	Writes []Write
	Agreed map[string]links.Agreement
	Notes  []Note

	Conflicts []Conflict // conflicts, for whoever decides them by time
	Diverged  bool       // something stands on one side alone, and is left there
}

// Merge decides what to write. It is the table of the protocol, row by row,
// and pure. Each mapping is decided by itself; of a pair, one leaves to the
// other what the other carries (section 4).
//
//nolint:gocognit // a case a row, in the table's order
func Merge(in Input) Result {
	out := Result{Agreed: map[string]links.Agreement{}}
	adopted, left := map[string]bool{}, map[string]links.Agreement{}
	var lost []Mapping
	for _, m := range in.Mappings {
		have := in.Have(m)
		last, agreed := in.Agreed[m.Name]
		now := links.Agreement{From: in.Digest.Of(m.Want), Have: in.Digest.Of(have), Expr: m.Expr}
		if in.Refused(m.Name, in.Digest.Pair(now.From, now.Have)) {
			if agreed {
				out.Agreed[m.Name] = last
			}
			out.Diverged = true
			continue
		}
		wantChanged, haveChanged, edited := now.From != last.From, now.Have != last.Have, last.Expr != m.Expr
		equal := func() bool { return m.Ready && in.Same(m, have) }
		agree := func() { out.Agreed[m.Name] = now }
		differ := func() {
			agree()
			theirs := now
			theirs.Differs = !Empty(have)
			out.Agreed[m.Name] = theirs
		}
		adopt := func() {
			agree()
			adopted[m.Name] = true
			if !equal() {
				differ()
				out.Notes = append(out.Notes, Note{Field: m.Field, What: "differs"})
			}
		}
		send := func() {
			if agreed {
				out.Agreed[m.Name] = last // until the answer is here
			}
			out.Writes = append(out.Writes, Write{Mapping: m, Value: m.Send, Was: have})
			if agreed && last.Differs && !haveChanged {
				out.Notes = append(out.Notes, Note{Field: m.Field, What: noteOverwritten, Lost: have, Side: m.Side})
			}
		}

		switch {
		case m.Want == nil, m.Ready && m.Send == nil: // row 1
			differ()
			adopted[m.Name] = true // what was cleared stands, and the partner does not carry it
		case !agreed && (equal() || !Empty(have)): // rows 2 and 4
			adopt()
		case !agreed: // row 3
			send()
		case edited && (haveChanged || m.Side == links.Source): // rows 6 and 7
			adopt() // a reload never beats a person, and writes nothing back by itself
		case edited && (!wantChanged || equal()): // row 5
			if agree(); !wantChanged && !equal() {
				differ() // it says what it said: what stands there may be a person's
			}
		case edited: // row 5
			send()
		case !wantChanged: // rows 8 and 10
			out.Agreed[m.Name] = last // a value people wrote is theirs, or the pair's to carry
			left[m.Name] = now
			out.Diverged = out.Diverged || haveChanged && m.Pair == ""
		case equal(): // rows 9 and 11
			agree()
		case !haveChanged: // row 9
			send()
		case in.wins(m): // row 12
			send()
			out.addConflict(in, m)
			out.Notes = append(out.Notes, Note{Field: m.Field, What: noteConflict, Lost: have, Side: m.Side})
		default: // row 12
			differ()
			out.addConflict(in, m)
			lost = append(lost, m)
			if m.Pair == "" { // of a pair the one that writes says so
				out.Notes = append(out.Notes, Note{Field: m.Field, What: noteConflict, Lost: m.Want, Side: links.Other(m.Side)})
			}
		}
	}
	for _, m := range in.Mappings {
		if now, ok := left[m.Name]; ok && adopted[m.Pair] {
			now.Differs = out.Agreed[m.Pair].Differs
			out.Agreed[m.Name] = now // both stand as they are: what the partner adopted, it does not carry
		}
	}
	out = out.dropCrossWrites(in)
	// What loses to its partner agrees when the partner's write is answered, and
	// not before: until then time, or another configuration, may decide again.
	for _, m := range lost {
		last, agreed := in.Agreed[m.Name]
		if agreed && slices.ContainsFunc(out.Writes, func(f Write) bool { return f.Mapping.Name == m.Pair }) {
			out.Agreed[m.Name] = last
		}
	}
	return out
}

// addConflict takes note of a conflict.
func (r *Result) addConflict(in Input, m Mapping) {
	r.Conflicts = append(r.Conflicts, Conflict{Name: m.Name, To: m.Side, Read: m.Reads, Wrote: m.Path})
	if _, known := in.Newest[m.Name]; !known && in.Conflict == rules.LatestWins {
		r.Notes = append(r.Notes, Note{Field: m.Field, What: NoteTimeUnknown})
	}
}

// dropCrossWrites leaves out, where both of a pair would be written, the one that
// loses conflicts: they would swap their values. Its agreement stays until the
// other one's answer sets it.
func (r Result) dropCrossWrites(in Input) Result {
	written := map[string]bool{}
	for _, w := range r.Writes {
		written[w.Mapping.Name] = true
	}
	r.Writes = slices.DeleteFunc(r.Writes, func(w Write) bool {
		m := w.Mapping
		if !written[m.Pair] || in.wins(m) {
			return false
		}
		said := Note{Field: links.FieldOf(m.Pair), What: noteConflict, Side: links.Other(m.Side)}
		if !slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Field == said.Field && n.What == said.What && n.Side == said.Side }) {
			said.Lost = m.Want
			r.Notes = append(r.Notes, said)
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

// Changed reports whether the merge will need to know what a mapping's value
// is to the system: every row but "same".
func Changed(m Mapping, last links.Agreement, agreed bool, d links.Digester) bool {
	return m.Want != nil && (!agreed || last.Expr != m.Expr || last.From != d.Of(m.Want))
}

// Empty reports whether a field with this value counts as not filled in.
func Empty(v any) bool { return v == nil || v == "" }
