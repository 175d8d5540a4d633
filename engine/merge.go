package engine

import "github.com/lockstep-sync/lockstep/rules"

// A mapping is one outbound value as it should be now.
type mapping struct {
	name  string // "out:" and the field
	field string
	expr  string
	want  any  // as rendered
	send  any  // as the target resolved it; nil: leave the field alone
	ready bool // send is known; a mapping that changed must be
}

// mergeInput is all that the merge of one side looks at.
type mergeInput struct {
	mappings []mapping
	agreed   map[string]Agreement
	refused  func(name, pair string) bool // this very pair was refused
	have     map[string]any               // the target's fields now
	conflict rules.Conflict
	same     func(field string, want, have any) bool
	digest   digester
}

// A write is one field to send.
type write struct {
	mapping mapping
	value   any
	was     any
}

// A note is something that the merge decided and somebody may ask about.
type note struct {
	Field string `json:"field"`
	What  string `json:"what"`           // "differs", "conflict"
	Lost  any    `json:"lost,omitempty"` // the losing value of a conflict
	Side  string `json:"side,omitempty"` // whose value lost
}

// mergeResult is what should become of the target and of the agreements.
type mergeResult struct {
	writes []write
	agreed map[string]Agreement
	notes  []note
}

// merge decides what to write to the target. It is the table of the protocol,
// row by row, and pure.
func merge(in mergeInput) mergeResult {
	out := mergeResult{agreed: map[string]Agreement{}}
	for _, m := range in.mappings {
		have := in.have[m.field]
		last, agreed := in.agreed[m.name]
		now := Agreement{From: in.digest.of(m.want), Have: in.digest.of(have), Expr: m.expr}
		if in.refused(m.name, in.digest.pair(now.From, now.Have)) {
			if agreed {
				out.agreed[m.name] = last
			}
			continue
		}
		wantChanged, haveChanged := now.From != last.From, now.Have != last.Have
		equal := func() bool { return m.ready && in.same(m.field, m.send, have) }
		agree := func() { out.agreed[m.name] = now }
		send := func() {
			if agreed {
				out.agreed[m.name] = last // until the answer is here
			}
			out.writes = append(out.writes, write{mapping: m, value: m.send, was: have})
		}

		switch {
		case m.want == nil, m.ready && m.send == nil:
			agree()
		case !agreed && (equal() || !empty(have)):
			agree()
			if !equal() {
				out.notes = append(out.notes, note{Field: m.field, What: "differs"})
			}
		case !agreed:
			send()
		case last.Expr != m.expr && haveChanged:
			agree() // a reload never beats a person
			if !equal() {
				out.notes = append(out.notes, note{Field: m.field, What: "differs"})
			}
		case last.Expr != m.expr && equal():
			agree()
		case last.Expr != m.expr:
			send()
		case !wantChanged:
			out.agreed[m.name] = last // a value people wrote is theirs
		case equal():
			agree()
		case !haveChanged:
			send()
		case in.conflict == rules.TargetWins:
			agree()
			out.notes = append(out.notes, note{Field: m.field, What: "conflict", Lost: m.want, Side: "source"})
		default:
			// "latest" needs the time of the field; without it the source wins.
			send()
			out.notes = append(out.notes, note{Field: m.field, What: "conflict", Lost: have, Side: "target"})
		}
	}
	return out
}

// changed reports whether the merge will need to know what a mapping's value
// is to the target: every row but "same".
func changed(m mapping, last Agreement, agreed bool, d digester) bool {
	return m.want != nil && (!agreed || last.Expr != m.expr || last.From != d.of(m.want))
}

func empty(v any) bool { return v == nil || v == "" }
