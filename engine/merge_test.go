package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/rules"
)

var testDigest = digester{key: []byte("a key for tests")}

// agreedOn is the agreement of a value that is the same on both sides.
func agreedOn(from, have any, expr string) *Agreement {
	return &Agreement{From: testDigest.of(from), Have: testDigest.of(have), Expr: expr}
}

// leftOn is the agreement on a value that stands although it differs.
func leftOn(from, have any, expr string) *Agreement {
	a := agreedOn(from, have, expr)
	a.Differs = true
	return a
}

// TestMergeTable goes through the protocol's table row by row, for outbound
// mappings.
func TestMergeTable(t *testing.T) {
	const expr, edited = "e1", "e2"
	for _, test := range []struct {
		row      string
		want     any
		have     any
		agreed   *Agreement
		conflict rules.Conflict
		refused  bool

		sends  any        // nil: nothing is written
		agrees *Agreement // nil: no agreement afterwards
		note   string
		lost   any
	}{
		{row: "null writes nothing", want: nil, have: "x", agrees: leftOn(nil, "x", expr)},
		{row: "null after a value: the next value is a change", want: nil, have: "old", agreed: agreedOn("old", "old", expr), agrees: leftOn(nil, "old", expr)},
		{row: "a value after null is written", want: "new", have: "old", agreed: agreedOn(nil, "old", expr), sends: "new", agrees: agreedOn(nil, "old", expr)},
		{row: "never agreed, equal", want: "x", have: "x", agrees: agreedOn("x", "x", expr)},
		{row: "never agreed, converts to it", want: "x", have: "x ", agrees: agreedOn("x", "x ", expr)},
		{row: "never agreed, null", want: "x", have: nil, sends: "x"},
		{row: "never agreed, empty", want: "x", have: "", sends: "x"},
		{row: "never agreed, holds something else", want: "x", have: "y", agrees: leftOn("x", "y", expr), note: "differs"},
		{row: "template edited, ticket untouched", want: "b", have: "a", agreed: agreedOn("a", "a", edited), sends: "b", agrees: agreedOn("a", "a", edited)},
		{row: "template edited, writes the same", want: "a", have: "a", agreed: agreedOn("z", "a", edited), agrees: agreedOn("a", "a", expr)},
		{row: "template edited, ticket edited: a reload never beats a person", want: "b", have: "p", agreed: agreedOn("a", "a", edited), agrees: leftOn("b", "p", expr), note: "differs"},
		{row: "template edited, says what it said over what was agreed on as it stands", want: "a", have: "p", agreed: agreedOn("a", "p", edited), agrees: leftOn("a", "p", expr)},
		{row: "nothing changed", want: "a", have: "a", agreed: agreedOn("a", "a", expr), agrees: agreedOn("a", "a", expr)},
		{row: "nothing changed, the system keeps it in its own form", want: "a", have: "A.", agreed: agreedOn("a", "A.", expr), agrees: agreedOn("a", "A.", expr)},
		{row: "changed, same", want: "b", have: "a", agreed: agreedOn("a", "a", expr), sends: "b", agrees: agreedOn("a", "a", expr)},
		{row: "changed over a value that was left there", want: "b", have: "p", agreed: leftOn("a", "p", expr), sends: "b", agrees: leftOn("a", "p", expr), note: "overwritten", lost: "p"},
		{row: "a value after null, over somebody's word", want: "new", have: "theirs", agreed: leftOn(nil, "theirs", expr), sends: "new", agrees: leftOn(nil, "theirs", expr), note: "overwritten", lost: "theirs"},
		{row: "cleared", want: "", have: "a", agreed: agreedOn("a", "a", expr), sends: "", agrees: agreedOn("a", "a", expr)},
		{row: "changed to what stands there", want: "b ", have: "b", agreed: agreedOn("a", "b", expr), agrees: agreedOn("b ", "b", expr)},
		{row: "same, changed: people's", want: "a", have: "p", agreed: agreedOn("a", "a", expr), agrees: agreedOn("a", "a", expr)},
		{row: "both changed, equal", want: "b", have: "b", agreed: agreedOn("a", "a", expr), agrees: agreedOn("b", "b", expr)},
		{row: "both changed, source wins", want: "b", have: "p", agreed: agreedOn("a", "a", expr), sends: "b", agrees: agreedOn("a", "a", expr), note: "conflict", lost: "p"},
		{row: "both changed, target wins", want: "b", have: "p", agreed: agreedOn("a", "a", expr), conflict: rules.TargetWins, agrees: leftOn("b", "p", expr), note: "conflict", lost: "b"},
		{row: "refused with this pair", want: "b", have: "a", agreed: agreedOn("a", "a", expr), refused: true, agrees: agreedOn("a", "a", expr)},
		{row: "refused with this pair, never agreed", want: "b", have: nil, refused: true},
	} {
		t.Run(test.row, func(t *testing.T) {
			in := mergeInput{
				mappings: []mapping{{name: "out:f", field: "f", expr: expr, want: test.want, send: test.want, ready: true}},
				agreed:   map[string]Agreement{},
				refused: func(name, pair string) bool {
					return test.refused && name == "out:f" && pair == testDigest.pair(testDigest.of(test.want), testDigest.of(test.have))
				},
				have:     func(mapping) any { return test.have },
				conflict: test.conflict,
				same:     trimmedSame,
				digest:   testDigest,
			}
			if test.agreed != nil {
				in.agreed["out:f"] = *test.agreed
			}
			got := merge(in)

			var sends any
			for _, w := range got.writes {
				sends = w.value
			}
			if diff := cmp.Diff(test.sends, sends); diff != "" {
				t.Errorf("what is written (-want +got):\n%s", diff)
			}
			var agrees *Agreement
			if a, ok := got.agreed["out:f"]; ok {
				agrees = &a
			}
			if diff := cmp.Diff(test.agrees, agrees); diff != "" {
				t.Errorf("what is agreed (-want +got):\n%s", diff)
			}
			var what string
			var lost any
			for _, n := range got.notes {
				what, lost = n.What, n.Lost
			}
			if what != test.note || lost != test.lost {
				t.Errorf("noted %q (lost %v), want %q (lost %v)", what, lost, test.note, test.lost)
			}
		})
	}
}

// TestTheLoserOfAPairAgreesWithItsPartnersAnswer: until the winning value is
// written, the conflict is open, and may be decided anew.
func TestTheLoserOfAPairAgreesWithItsPartnersAnswer(t *testing.T) {
	of := testDigest.of
	before := Agreement{From: of("a"), Have: of("a"), Expr: "e"}
	in := mergeInput{
		mappings: []mapping{
			{name: "out:f", side: targetSide, field: "f", expr: "e", pair: "in:g", want: "source's", send: "source's", ready: true},
			{name: "in:g", side: sourceSide, field: "g", expr: "e", pair: "out:f", want: "target's", send: "target's", ready: true},
		},
		agreed:  map[string]Agreement{"out:f": before, "in:g": before},
		refused: func(string, string) bool { return false },
		have: func(m mapping) any {
			return map[side]any{targetSide: "target's", sourceSide: "source's"}[m.side]
		},
		same:   trimmedSame,
		digest: testDigest,
	}
	for conflict, want := range map[rules.Conflict]string{rules.SourceWins: "out:f", rules.TargetWins: "in:g"} {
		in.conflict = conflict
		got := merge(in)
		if len(got.writes) != 1 || got.writes[0].mapping.name != want {
			t.Fatalf("%s: it writes %v, want %s", conflict, got.writes, want)
		}
		if diff := cmp.Diff(map[string]Agreement{"out:f": before, "in:g": before}, got.agreed); diff != "" {
			t.Errorf("%s: agreements before the answer (-want +got):\n%s", conflict, diff)
		}
		refused := in
		refused.refused = func(name, _ string) bool { return name == want }
		if again := merge(refused); len(again.writes) != 0 {
			t.Errorf("%s: with the winner refused it writes %v", conflict, again.writes)
		}
	}
}
