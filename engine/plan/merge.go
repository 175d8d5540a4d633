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
	Once  bool       // it is never agreed on
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
func Merge(in Input) Result {
	m := merging{Input: in, out: Result{Agreed: map[string]links.Agreement{}}, adopted: map[string]bool{}, left: map[string]links.Agreement{}}
	rows := mergeRows()
	for _, mapping := range in.Mappings {
		c := m.compare(mapping)
		if in.Refused(c.Name, in.Digest.Pair(c.now.From, c.now.Have)) {
			m.keep(c)
			m.out.Diverged = true
			continue
		}
		for _, row := range rows {
			if row.applies(&m, c) {
				row.do(&m, c)
				break
			}
		}
	}
	return m.pairs()
}

// A comparison is a mapping with what stands there, and what was last agreed.
type comparison struct {
	Mapping
	have   any
	last   links.Agreement
	agreed bool            // there is a last one
	now    links.Agreement // that would be on both as they are

	wantChanged, haveChanged bool
	edited                   bool        // the expression was
	equal                    func() bool // what stands there is what it would write, to the system
}

func (m *merging) compare(of Mapping) comparison {
	have := m.Have(of)
	last, agreed := m.Agreed[of.Name]
	now := links.Agreement{From: m.Digest.Of(of.Want), Have: m.Digest.Of(have), Expr: of.Expr}
	return comparison{
		Mapping: of, have: have, last: last, agreed: agreed, now: now,
		wantChanged: now.From != last.From, haveChanged: now.Have != last.Have, edited: last.Expr != of.Expr,
		equal: func() bool { return of.Ready && m.Same(of, have) },
	}
}

// A mergeRow is a row of the protocol's table, by its number there.
type mergeRow struct {
	number  string
	applies func(*merging, comparison) bool
	do      func(*merging, comparison)
}

// mergeRows returns the rows of the protocol's table (section 4) in the order in which
// they are tried: the first that applies is done. Row 13, a value that fails, never
// comes here.
func mergeRows() []mergeRow {
	return []mergeRow{
		{"1: want is null", func(_ *merging, c comparison) bool { return c.Want == nil || c.Ready && c.Send == nil }, (*merging).clear},
		{"2, 4: never agreed, and something is there", func(_ *merging, c comparison) bool { return !c.agreed && (c.equal() || !Empty(c.have)) }, (*merging).adopt},
		{"3: never agreed, and empty", func(_ *merging, c comparison) bool { return !c.agreed }, (*merging).send},
		{"6, 7: expression edited, and have changed, or inbound", func(_ *merging, c comparison) bool { return c.edited && (c.haveChanged || c.Side == links.Source) }, (*merging).adopt},
		{"5: expression edited, and it says what it said", func(_ *merging, c comparison) bool { return c.edited && (!c.wantChanged || c.equal()) }, (*merging).restate},
		{"5: expression edited", func(_ *merging, c comparison) bool { return c.edited }, (*merging).send},
		{"8, 10: want is the same", func(_ *merging, c comparison) bool { return !c.wantChanged }, (*merging).leave},
		{"9, 11: want changed, and have is equal", func(_ *merging, c comparison) bool { return c.equal() }, (*merging).agree},
		{"9: want changed", func(_ *merging, c comparison) bool { return !c.haveChanged }, (*merging).send},
		{"12: both changed, and want wins", func(m *merging, c comparison) bool { return m.wins(c.Mapping) }, (*merging).win},
		{"12: both changed, and have wins", func(*merging, comparison) bool { return true }, (*merging).lose},
	}
}

// merging is a merge on its way.
type merging struct {
	Input
	out     Result
	adopted map[string]bool            // mappings of which both sides stand as they are
	left    map[string]links.Agreement // what people wrote, and the pair may carry
	lost    []Mapping                  // conflicts
}

// keep lets the agreement stay, until an answer is here or something changes.
func (m *merging) keep(c comparison) {
	if c.agreed {
		m.out.Agreed[c.Name] = c.last
	}
}

func (m *merging) agree(c comparison) { m.out.Agreed[c.Name] = c.now }

// differ agrees on both as they are, although they differ.
func (m *merging) differ(c comparison) {
	c.now.Differs = !Empty(c.have)
	m.agree(c)
}

// clear leaves what was cleared alone; the partner does not carry it.
func (m *merging) clear(c comparison) {
	m.differ(c)
	m.adopted[c.Name] = true
}

// adopt agrees on both as they are: a reload never beats a person, and writes
// nothing back by itself.
func (m *merging) adopt(c comparison) {
	m.adopted[c.Name] = true
	if c.equal() {
		m.agree(c)
		return
	}
	m.differ(c)
	m.note(c, "differs", nil, "")
}

// restate agrees under an edited expression. Where it says what it said, what
// stands there may be a person's.
func (m *merging) restate(c comparison) {
	if !c.wantChanged && !c.equal() {
		m.differ(c)
		return
	}
	m.agree(c)
}

// send writes want. What was somebody's word is journaled before.
func (m *merging) send(c comparison) {
	m.keep(c)
	m.out.Writes = append(m.out.Writes, Write{Mapping: c.Mapping, Value: c.Send, Was: c.have})
	if c.agreed && c.last.Differs && !c.haveChanged {
		m.note(c, noteOverwritten, c.have, c.Side)
	}
}

// leave leaves a value that people wrote: it is theirs, or the pair's to carry.
func (m *merging) leave(c comparison) {
	m.out.Agreed[c.Name] = c.last
	m.left[c.Name] = c.now
	m.out.Diverged = m.out.Diverged || c.haveChanged && c.Pair == ""
}

func (m *merging) win(c comparison) {
	m.send(c)
	m.conflict(c)
	m.note(c, noteConflict, c.have, c.Side)
}

func (m *merging) lose(c comparison) {
	m.differ(c)
	m.conflict(c)
	m.lost = append(m.lost, c.Mapping)
	if c.Pair == "" { // of a pair the one that writes says so
		m.note(c, noteConflict, c.Want, links.Other(c.Side))
	}
}

func (m *merging) note(c comparison, what string, lost any, side links.Side) {
	m.out.Notes = append(m.out.Notes, Note{Field: c.Field, What: what, Lost: lost, Side: side})
}

// conflict takes note of a conflict, for whoever decides it by time.
func (m *merging) conflict(c comparison) {
	m.out.Conflicts = append(m.out.Conflicts, Conflict{Name: c.Name, To: c.Side, Read: c.Reads, Wrote: c.Path})
	if _, known := m.Newest[c.Name]; !known && m.Input.Conflict == rules.LatestWins {
		m.note(c, NoteTimeUnknown, nil, "")
	}
}

// pairs settles between the two of each pair what the other carries.
func (m *merging) pairs() Result {
	for _, mapping := range m.Mappings {
		if now, ok := m.left[mapping.Name]; ok && m.adopted[mapping.Pair] {
			now.Differs = m.out.Agreed[mapping.Pair].Differs
			m.out.Agreed[mapping.Name] = now // both stand as they are: what the partner adopted, it does not carry
		}
	}
	out := m.out.dropCrossWrites(m.Input)
	// What loses to its partner agrees when the partner's write is answered, and
	// not before: until then time, or another configuration, may decide again.
	for _, mapping := range m.lost {
		last, agreed := m.Agreed[mapping.Name]
		if agreed && slices.ContainsFunc(out.Writes, func(f Write) bool { return f.Mapping.Name == mapping.Pair }) {
			out.Agreed[mapping.Name] = last
		}
	}
	return out
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
