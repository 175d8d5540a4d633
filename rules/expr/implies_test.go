package expr

import (
	"fmt"
	"testing"
)

// TestImplied compares what is found among many with a comparison of two at a time.
func TestImplied(t *testing.T) {
	env := testEnv(t)
	var all []*Condition
	for _, s := range []string{
		`incident.name == 'a'`, `incident.name in ['a', 'b']`, `incident.name in ['b', 'a', 'c']`, `incident.name == 'a' || incident.name == 'c'`,
		`incident.name in []`, `incident.name == 'd'`, `incident.summary == 'a'`, `incident.summary == 'a' && incident.name == 'b'`,
		`incident.name == 'a' && incident.summary != null`, `incident.summary != null`, `incident.severity.rank in [1, 2.0]`, `incident.severity.rank == 2`,
		`incident.name == 'e' && incident.name in ['a', 'e']`, `incident.labels == ['a']`, `true`,
	} {
		all = append(all, condition(t, env, s))
	}
	implies := func(c, other *Condition) bool {
		var one Implied
		one.Add(other)
		_, ok := one.First(c)
		return ok
	}
	for _, test := range []struct {
		c, other int
		want     bool
	}{{0, 1, true}, {1, 0, false}, {1, 2, true}, {0, 3, true}, {4, 0, true}, {5, 2, false}, {0, 6, false}, {7, 6, true}, {7, 1, true}, {8, 0, true}, {11, 10, true}, {9, 9, true}, {12, 0, false}, {12, 1, false}} {
		if got := implies(all[test.c], all[test.other]); got != test.want {
			t.Errorf("%s implies %s: got %t, want %t", all[test.c].Source(), all[test.other].Source(), got, test.want)
		}
	}
	for from := range all {
		var many Implied
		for _, other := range all[from:] {
			many.Add(other)
		}
		for _, c := range all {
			want := "none"
			for n, other := range all[from:] {
				if implies(c, other) {
					want = fmt.Sprint(n)
					break
				}
			}
			got := "none"
			if n, ok := many.First(c); ok {
				got = fmt.Sprint(n)
			}
			if got != want {
				t.Errorf("%s among those from %d: got %s, want %s", c.Source(), from, got, want)
			}
		}
	}
}
