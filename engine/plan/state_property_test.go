package plan

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
	standings := func(c connectors.Collection, raws ...string) *rapid.Generator[StateValue] {
		return rapid.Custom(func(t *rapid.T) StateValue {
			s := StateValue{collection: c, Raw: rapid.SampledFrom(raws).Draw(t, "raw")}
			if s.Raw == "x" || s.Raw == "y" {
				s.Category = "over"
			}
			return s
		})
	}
	sources, targets := standings(from, "a", "b", "c", "d", "x", "y", "unknown", ""), standings(to, "1", "2", "3", "4", "5", "42", "")
	rapid.Check(t, func(t *rapid.T) {
		tables := stateTables()
		in := StateInput{
			Sync: rules.StateSync{
				Table:     tables[0],
				Direction: rapid.SampledFrom([]rules.Direction{rules.Outbound, rules.Inbound, rules.Both}).Draw(t, "direction"),
			},
			Conflict: rapid.SampledFrom([]rules.Conflict{rules.SourceWins, rules.TargetWins, rules.LatestWins}).Draw(t, "conflict"),
			Source:   sources.Draw(t, "source"), Target: targets.Draw(t, "target"),
			CanTransition: func(links.Side, string) bool { return true },
			Refused:       func(string) bool { return false },
			Digest:        testDigest,
		}
		label := func(s StateValue) (string, bool) { return in.Sync.Table.Label(s.collection, s.Raw, s.Category) }
		resting := false // both are known and nothing is held back
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			reloaded := false
			switch rapid.IntRange(0, 3).Draw(t, "who") {
			case 0:
				in.Source = sources.Draw(t, "new source")
			case 1:
				in.Target = targets.Draw(t, "new target")
			case 2:
				in.Sync.Table, reloaded = rapid.SampledFrom(tables).Draw(t, "table"), true
			}
			a, knownA := label(in.Source)
			b, knownB := label(in.Target)
			out := MergeState(in)
			if reloaded && resting && out.Side != "" {
				t.Fatalf("a new table alone writes %q to the %s", out.To, out.Side)
			}
			if out.Side == "" {
				in.Agreed = out.Agreed
			} else {
				if !knownA || !knownB || a == b {
					t.Fatalf("%v and %v: it writes %q to the %s", in.Source, in.Target, out.To, out.Side)
				}
				if out.Side == links.Target && in.Sync.Direction == rules.Inbound || out.Side == links.Source && in.Sync.Direction == rules.Outbound {
					t.Fatalf("direction %v: it writes to the %s", in.Sync.Direction, out.Side)
				}
				in.Agreed = out.Then
				if out.Side == links.Target {
					in.Target = StateValue{collection: to, Raw: out.Then.Target, Category: out.Then.TargetCategory}
				} else {
					in.Source = StateValue{collection: from, Raw: out.Then.Source, Category: out.Then.SourceCategory}
				}
				readA, _ := label(in.Source)
				if readB, _ := label(in.Target); readA != readB {
					t.Fatalf("%q at the %s reads back as %q beside %q", out.To, out.Side, readB, readA)
				}
			}
			again := MergeState(in)
			if again.Side != "" {
				t.Fatalf("the second time it writes %q to the %s", again.To, again.Side)
			}
			if again.Note == "conflict" || again.Note == "differs" {
				t.Fatalf("the second time it says %q", again.Note)
			}
			in.Agreed, resting = again.Agreed, again.Note == ""
		}
	})
}

// TestAMoveWithinTheClassIsKeptUnderTheNextTable: both sides were adopted as
// they stood, and the source's two values are parted by a reload.
func TestAMoveWithinTheClassIsKeptUnderTheNextTable(t *testing.T) {
	from := connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}
	to := connectors.Collection{Type: "fake", Connector: "itsm", Record: "ticket"}
	tables := stateTables()
	in := StateInput{
		Sync:          rules.StateSync{Table: tables[0], Direction: rules.Both},
		Source:        StateValue{collection: from, Raw: "d"},
		Target:        StateValue{collection: to, Raw: "1"},
		CanTransition: func(links.Side, string) bool { return true },
		Refused:       func(string) bool { return false },
		Digest:        testDigest,
	}
	in.Agreed = MergeState(in).Agreed
	in.Source = StateValue{collection: from, Raw: "x", Category: "over"}
	in.Agreed = MergeState(in).Agreed
	in.Sync.Table = tables[1]
	if out := MergeState(in); out.Side != "" {
		t.Errorf("a new table alone writes %q to the %s", out.To, out.Side)
	}
}
