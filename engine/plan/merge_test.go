package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

var testDigest = links.NewDigester([]byte("a key for tests"))

// agreedOn is the agreement of a value that is the same on both sides.
func agreedOn(from, have any, expr string) *links.Agreement {
	return &links.Agreement{From: testDigest.Of(from), Have: testDigest.Of(have), Expr: expr}
}

// leftOn is the agreement on a value that stands although it differs.
func leftOn(from, have any, expr string) *links.Agreement {
	a := agreedOn(from, have, expr)
	a.Differs = true
	return a
}

// TestMergeTable goes through the protocol's table row by row, for a mapping
// that writes the ticket; rows of one that writes the source say so.
func TestMergeTable(t *testing.T) {
	const expr, edited = "e1", "e2"
	differs := []Note{{Field: "f", What: "differs"}}
	lost := func(value any, whose links.Side) []Note {
		return []Note{{Field: "f", What: "conflict", Lost: value, Side: whose}}
	}
	over := func(value any) []Note {
		return []Note{{Field: "f", What: "overwritten", Lost: value, Side: links.Target}}
	}
	none := []any(nil)
	for _, test := range []struct {
		row      string
		want     any
		have     any
		agreed   *links.Agreement
		inbound  bool
		conflict rules.Conflict
		newest   links.Side // known time of the last change; empty: it is not known
		refused  bool

		sends    []any            // every value that is written
		agrees   *links.Agreement // nil: no agreement afterwards
		notes    []Note
		diverged bool
	}{
		{row: "null writes nothing", want: nil, have: "x", agrees: leftOn(nil, "x", expr)},
		{row: "null after a value: the next value is a change", want: nil, have: "old", agreed: agreedOn("old", "old", expr), agrees: leftOn(nil, "old", expr)},
		{row: "null over nothing", want: nil, have: "", agrees: agreedOn(nil, "", expr)},
		{row: "a value after null is written", want: "new", have: "old", agreed: agreedOn(nil, "old", expr), sends: []any{"new"}, agrees: agreedOn(nil, "old", expr)},
		{row: "never agreed, equal", want: "x", have: "x", agrees: agreedOn("x", "x", expr)},
		{row: "never agreed, converts to it", want: "x", have: "x ", agrees: agreedOn("x", "x ", expr)},
		{row: "never agreed, null", want: "x", have: nil, sends: []any{"x"}},
		{row: "never agreed, empty", want: "x", have: "", sends: []any{"x"}},
		{row: "never agreed, holds something else", want: "x", have: "y", agrees: leftOn("x", "y", expr), notes: differs},
		{row: "template edited, ticket untouched", want: "b", have: "a", agreed: agreedOn("a", "a", edited), sends: []any{"b"}, agrees: agreedOn("a", "a", edited)},
		{row: "template edited, writes the same", want: "a", have: "a", agreed: agreedOn("z", "a", edited), agrees: agreedOn("a", "a", expr)},
		{row: "template edited, ticket edited: a reload never beats a person", want: "b", have: "p", agreed: agreedOn("a", "a", edited), agrees: leftOn("b", "p", expr), notes: differs},
		{row: "template edited, ticket cleared by a person", want: "b", have: "", agreed: agreedOn("a", "a", edited), agrees: agreedOn("b", "", expr), notes: differs},
		{row: "template edited, ticket edited to the same", want: "b", have: "b", agreed: agreedOn("a", "a", edited), agrees: agreedOn("b", "b", expr)},
		{row: "template edited, says what it said over what was agreed on as it is", want: "a", have: "p", agreed: agreedOn("a", "p", edited), agrees: leftOn("a", "p", expr)},
		{row: "template edited, over what was left there", want: "b", have: "p", agreed: leftOn("a", "p", edited), sends: []any{"b"}, agrees: leftOn("a", "p", edited), notes: over("p")},
		{row: "inbound edited, neither side changed but for it: a reload writes nothing back", want: "b", have: "a", agreed: agreedOn("a", "a", edited), inbound: true, agrees: leftOn("b", "a", expr), notes: differs},
		{row: "inbound edited, source edited", want: "b", have: "p", agreed: agreedOn("a", "a", edited), inbound: true, agrees: leftOn("b", "p", expr), notes: differs},
		{row: "inbound edited, ticket changed too", want: "b", have: "a", agreed: agreedOn("z", "a", edited), inbound: true, conflict: rules.TargetWins, agrees: leftOn("b", "a", expr), notes: differs},
		{row: "inbound edited, writes the same", want: "a", have: "a", agreed: agreedOn("z", "a", edited), inbound: true, agrees: agreedOn("a", "a", expr)},
		{row: "inbound, never agreed, empty", want: "x", have: nil, inbound: true, sends: []any{"x"}},
		{row: "inbound changed", want: "b", have: "a", agreed: agreedOn("a", "a", expr), inbound: true, sends: []any{"b"}, agrees: agreedOn("a", "a", expr)},
		{row: "nothing changed", want: "a", have: "a", agreed: agreedOn("a", "a", expr), agrees: agreedOn("a", "a", expr)},
		{row: "nothing changed, the system keeps it in its own form", want: "a", have: "A.", agreed: agreedOn("a", "A.", expr), agrees: agreedOn("a", "A.", expr)},
		{row: "changed, same", want: "b", have: "a", agreed: agreedOn("a", "a", expr), sends: []any{"b"}, agrees: agreedOn("a", "a", expr)},
		{row: "changed over a value that was left there", want: "b", have: "p", agreed: leftOn("a", "p", expr), sends: []any{"b"}, agrees: leftOn("a", "p", expr), notes: over("p")},
		{row: "a value after null, over somebody's word", want: "new", have: "theirs", agreed: leftOn(nil, "theirs", expr), sends: []any{"new"}, agrees: leftOn(nil, "theirs", expr), notes: over("theirs")},
		{row: "changed over a value that was left there, and edited since", want: "b", have: "q", agreed: leftOn("a", "p", expr), sends: []any{"b"}, agrees: leftOn("a", "p", expr), notes: lost("q", links.Target)},
		{row: "cleared", want: "", have: "a", agreed: agreedOn("a", "a", expr), sends: []any{""}, agrees: agreedOn("a", "a", expr)},
		{row: "changed to what stands there", want: "b ", have: "b", agreed: agreedOn("a", "b", expr), agrees: agreedOn("b ", "b", expr)},
		{row: "same, changed: people's", want: "a", have: "p", agreed: agreedOn("a", "a", expr), agrees: agreedOn("a", "a", expr), diverged: true},
		{row: "both changed, equal", want: "b", have: "b", agreed: agreedOn("a", "a", expr), agrees: agreedOn("b", "b", expr)},
		{row: "both changed, source wins", want: "b", have: "p", agreed: agreedOn("a", "a", expr), sends: []any{"b"}, agrees: agreedOn("a", "a", expr), notes: lost("p", links.Target)},
		{row: "both changed, target wins", want: "b", have: "p", agreed: agreedOn("a", "a", expr), conflict: rules.TargetWins, agrees: leftOn("b", "p", expr), notes: lost("b", links.Source)},
		{row: "inbound, both changed, source wins", want: "b", have: "p", agreed: agreedOn("a", "a", expr), inbound: true, agrees: leftOn("b", "p", expr), notes: lost("b", links.Target)},
		{row: "inbound, both changed, target wins", want: "b", have: "p", agreed: agreedOn("a", "a", expr), inbound: true, conflict: rules.TargetWins, sends: []any{"b"}, agrees: agreedOn("a", "a", expr), notes: lost("p", links.Source)},
		{row: "both changed, the source last", want: "b", have: "p", agreed: agreedOn("a", "a", expr), conflict: rules.LatestWins, newest: links.Source, sends: []any{"b"}, agrees: agreedOn("a", "a", expr), notes: lost("p", links.Target)},
		{row: "both changed, the ticket last", want: "b", have: "p", agreed: agreedOn("a", "a", expr), conflict: rules.LatestWins, newest: links.Target, agrees: leftOn("b", "p", expr), notes: lost("b", links.Source)},
		{row: "both changed, nobody knows which last: the source wins", want: "b", have: "p", agreed: agreedOn("a", "a", expr), conflict: rules.LatestWins, sends: []any{"b"}, agrees: agreedOn("a", "a", expr), notes: append([]Note{{Field: "f", What: "time_unknown"}}, lost("p", links.Target)...)},
		{row: "times do not decide where the source wins", want: "b", have: "p", agreed: agreedOn("a", "a", expr), newest: links.Target, sends: []any{"b"}, agrees: agreedOn("a", "a", expr), notes: lost("p", links.Target)},
		{row: "refused with this pair", want: "b", have: "a", agreed: agreedOn("a", "a", expr), refused: true, agrees: agreedOn("a", "a", expr), diverged: true},
		{row: "refused with this pair, never agreed", want: "b", have: nil, refused: true, diverged: true},
	} {
		t.Run(test.row, func(t *testing.T) {
			m := Mapping{Name: "out:f", Side: links.Target, Field: "f", Expr: expr, Want: test.want, Send: test.want, Ready: true}
			if test.inbound {
				m.Name, m.Side = "in:f", links.Source
			}
			in := Input{
				Mappings: []Mapping{m},
				Agreed:   map[string]links.Agreement{},
				Refused: func(name, pair string) bool {
					return test.refused && name == m.Name && pair == testDigest.Pair(testDigest.Of(test.want), testDigest.Of(test.have))
				},
				Have:     func(Mapping) any { return test.have },
				Conflict: test.conflict,
				Same:     trimmedSame,
				Digest:   testDigest,
			}
			if test.agreed != nil {
				in.Agreed[m.Name] = *test.agreed
			}
			if test.newest != "" {
				in.Newest = map[string]links.Side{m.Name: test.newest}
			}
			got := Merge(in)

			sends := none
			for _, w := range got.Writes {
				if w.Mapping.Name != m.Name || w.Was != test.have {
					t.Errorf("it writes %s over %v", w.Mapping.Name, w.Was)
				}
				sends = append(sends, w.Value)
			}
			if diff := cmp.Diff(test.sends, sends); diff != "" {
				t.Errorf("what is written (-want +got):\n%s", diff)
			}
			agreements := map[string]links.Agreement{}
			if test.agrees != nil {
				agreements[m.Name] = *test.agrees
			}
			if diff := cmp.Diff(agreements, got.Agreed); diff != "" {
				t.Errorf("what is agreed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.notes, got.Notes); diff != "" {
				t.Errorf("what is noted (-want +got):\n%s", diff)
			}
			if got.Diverged != test.diverged {
				t.Errorf("diverged: %t, want %t", got.Diverged, test.diverged)
			}
		})
	}
}

// TestAPairNeverSwapsItsValues: where both of a pair would be written, the one
// that wins conflicts is, and the journal has what the other one says. Its
// agreement waits for the answer.
func TestAPairNeverSwapsItsValues(t *testing.T) {
	before := *agreedOn("a", "a", "e")
	for _, test := range []struct {
		conflict rules.Conflict
		newest   links.Side // that changed last; empty: it is not known
		writes   string
		lost     Note
	}{
		{rules.SourceWins, "", "out:f", Note{Field: "f", What: "conflict", Lost: "target's", Side: links.Target}},
		{rules.TargetWins, "", "in:g", Note{Field: "g", What: "conflict", Lost: "source's", Side: links.Source}},
		{rules.LatestWins, links.Source, "out:f", Note{Field: "f", What: "conflict", Lost: "target's", Side: links.Target}},
		{rules.LatestWins, links.Target, "in:g", Note{Field: "g", What: "conflict", Lost: "source's", Side: links.Source}},
		{rules.LatestWins, "", "out:f", Note{Field: "f", What: "conflict", Lost: "target's", Side: links.Target}},
	} {
		// What is read changed on both sides, and what is written on neither.
		in := Input{
			Mappings: []Mapping{
				{Name: "out:f", Side: links.Target, Field: "f", Expr: "e", Pair: "in:g", Want: "source's", Send: "source's", Ready: true},
				{Name: "in:g", Side: links.Source, Field: "g", Expr: "e", Pair: "out:f", Want: "target's", Send: "target's", Ready: true},
			},
			Agreed:   map[string]links.Agreement{"out:f": before, "in:g": before},
			Refused:  func(string, string) bool { return false },
			Have:     func(Mapping) any { return "a" },
			Conflict: test.conflict,
			Same:     trimmedSame,
			Digest:   testDigest,
		}
		if test.newest != "" {
			in.Newest = map[string]links.Side{"out:f": test.newest, "in:g": test.newest}
		}
		got := Merge(in)
		if len(got.Writes) != 1 || got.Writes[0].Mapping.Name != test.writes {
			t.Errorf("%s, %q last: it writes %v, want %s", test.conflict, test.newest, got.Writes, test.writes)
		}
		if diff := cmp.Diff([]Note{test.lost}, got.Notes); diff != "" {
			t.Errorf("%s, %q last: what is noted (-want +got):\n%s", test.conflict, test.newest, diff)
		}
		if diff := cmp.Diff(map[string]links.Agreement{"out:f": before, "in:g": before}, got.Agreed); diff != "" {
			t.Errorf("%s, %q last: what is agreed (-want +got):\n%s", test.conflict, test.newest, diff)
		}
	}
}

// TestTheLoserOfAPairAgreesWithItsPartnersAnswer: until the winning value is
// written, the conflict is open, and may be decided again.
func TestTheLoserOfAPairAgreesWithItsPartnersAnswer(t *testing.T) {
	of := testDigest.Of
	before := links.Agreement{From: of("a"), Have: of("a"), Expr: "e"}
	in := Input{
		Mappings: []Mapping{
			{Name: "out:f", Side: links.Target, Field: "f", Expr: "e", Pair: "in:g", Want: "source's", Send: "source's", Ready: true},
			{Name: "in:g", Side: links.Source, Field: "g", Expr: "e", Pair: "out:f", Want: "target's", Send: "target's", Ready: true},
		},
		Agreed:  map[string]links.Agreement{"out:f": before, "in:g": before},
		Refused: func(string, string) bool { return false },
		Have: func(m Mapping) any {
			return map[links.Side]any{links.Target: "target's", links.Source: "source's"}[m.Side]
		},
		Same:   trimmedSame,
		Digest: testDigest,
	}
	for conflict, want := range map[rules.Conflict]string{rules.SourceWins: "out:f", rules.TargetWins: "in:g"} {
		in.Conflict = conflict
		got := Merge(in)
		if len(got.Writes) != 1 || got.Writes[0].Mapping.Name != want {
			t.Fatalf("%s: it writes %v, want %s", conflict, got.Writes, want)
		}
		if diff := cmp.Diff(map[string]links.Agreement{"out:f": before, "in:g": before}, got.Agreed); diff != "" {
			t.Errorf("%s: agreements before the answer (-want +got):\n%s", conflict, diff)
		}
		refused := in
		refused.Refused = func(name, _ string) bool { return name == want }
		if again := Merge(refused); len(again.Writes) != 0 {
			t.Errorf("%s: with the winner refused it writes %v", conflict, again.Writes)
		}
	}
}
