package engine

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// stateTables are two tables that one configuration may follow the other with:
// "d" and "4" change their class, "c" and "3" are mapped by one of them only.
func stateTables() []*rules.StateTable {
	table := func(rows map[string][2][]string) *rules.StateTable {
		t := &rules.StateTable{}
		for _, label := range []string{"open", "hold", "done"} {
			t.States = append(t.States, rules.State{Label: label, Columns: map[string][]string{"acme": rows[label][0], "itsm": rows[label][1]}})
		}
		return t
	}
	return []*rules.StateTable{
		table(map[string][2][]string{"open": {{"a", "b"}, {"1", "2"}}, "hold": {{"c"}, {"3"}}, "done": {{"category:over", "d"}, {"4", "5"}}}),
		table(map[string][2][]string{"open": {{"b", "a", "d"}, {"2", "1"}}, "hold": {nil, {"4"}}, "done": {{"category:over"}, {"5"}}}),
	}
}

// TestMergeStateProperties: what is written reads back as the state of the
// other side; a value in the right class, and one that the table does not know,
// is never written over; a new table alone writes nothing; twice is once.
func TestMergeStateProperties(t *testing.T) {
	from := connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}
	to := connectors.Collection{Type: "fake", Connector: "itsm", Record: "ticket"}
	standings := func(c connectors.Collection, raws ...string) *rapid.Generator[standing] {
		return rapid.Custom(func(t *rapid.T) standing {
			s := standing{collection: c, raw: rapid.SampledFrom(raws).Draw(t, "raw")}
			if s.raw == "x" || s.raw == "y" {
				s.category = "over"
			}
			return s
		})
	}
	sources, targets := standings(from, "a", "b", "c", "d", "x", "y", "unknown", ""), standings(to, "1", "2", "3", "4", "5", "42", "")
	rapid.Check(t, func(t *rapid.T) {
		tables := stateTables()
		in := stateInput{
			sync: rules.StateSync{
				Table:     tables[0],
				Direction: rapid.SampledFrom([]rules.Direction{rules.Outbound, rules.Inbound, rules.Both}).Draw(t, "direction"),
			},
			conflict: rapid.SampledFrom([]rules.Conflict{rules.SourceWins, rules.TargetWins, rules.LatestWins}).Draw(t, "conflict"),
			source:   sources.Draw(t, "source"), target: targets.Draw(t, "target"),
			mayMove: func(links.Side, string) bool { return true },
			refused: func(string) bool { return false },
			digest:  testDigest,
		}
		label := func(s standing) (string, bool) { return in.sync.Table.Label(s.collection, s.raw, s.category) }
		resting := false // both are known and nothing is held back
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			reloaded := false
			switch rapid.IntRange(0, 3).Draw(t, "who") {
			case 0:
				in.source = sources.Draw(t, "new source")
			case 1:
				in.target = targets.Draw(t, "new target")
			case 2:
				in.sync.Table, reloaded = rapid.SampledFrom(tables).Draw(t, "table"), true
			}
			a, knownA := label(in.source)
			b, knownB := label(in.target)
			out := mergeState(in)
			if reloaded && resting && out.side != "" {
				t.Fatalf("a new table alone writes %q to the %s", out.to, out.side)
			}
			if out.side == "" {
				in.agreed = out.agreed
			} else {
				if !knownA || !knownB || a == b {
					t.Fatalf("%v and %v: it writes %q to the %s", in.source, in.target, out.to, out.side)
				}
				if out.side == links.Target && in.sync.Direction == rules.Inbound || out.side == links.Source && in.sync.Direction == rules.Outbound {
					t.Fatalf("direction %v: it writes to the %s", in.sync.Direction, out.side)
				}
				in.agreed = out.then
				if out.side == links.Target {
					in.target = standing{collection: to, raw: out.then.Target, category: out.then.TargetCategory}
				} else {
					in.source = standing{collection: from, raw: out.then.Source, category: out.then.SourceCategory}
				}
				readA, _ := label(in.source)
				if readB, _ := label(in.target); readA != readB {
					t.Fatalf("%q at the %s reads back as %q beside %q", out.to, out.side, readB, readA)
				}
			}
			again := mergeState(in)
			if again.side != "" {
				t.Fatalf("the second time it writes %q to the %s", again.to, again.side)
			}
			if again.note == "conflict" || again.note == "differs" {
				t.Fatalf("the second time it says %q", again.note)
			}
			in.agreed, resting = again.agreed, again.note == ""
		}
	})
}

// TestAMoveWithinTheClassIsNoneUnderTheNextTable: both sides were adopted as
// they stood, and the source's two values are parted by a reload.
func TestAMoveWithinTheClassIsNoneUnderTheNextTable(t *testing.T) {
	from := connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}
	to := connectors.Collection{Type: "fake", Connector: "itsm", Record: "ticket"}
	tables := stateTables()
	in := stateInput{
		sync:    rules.StateSync{Table: tables[0], Direction: rules.Both},
		source:  standing{collection: from, raw: "d"},
		target:  standing{collection: to, raw: "1"},
		mayMove: func(links.Side, string) bool { return true },
		refused: func(string) bool { return false },
		digest:  testDigest,
	}
	in.agreed = mergeState(in).agreed
	in.source = standing{collection: from, raw: "x", category: "over"}
	in.agreed = mergeState(in).agreed
	in.sync.Table = tables[1]
	if out := mergeState(in); out.side != "" {
		t.Errorf("a new table alone writes %q to the %s", out.to, out.side)
	}
}
