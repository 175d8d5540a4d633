package simulator_test

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func TestOperators(t *testing.T) {
	texts := func(line string) []string { return strings.Split(line, "|") }
	for _, test := range []struct {
		o          simulator.Operator
		have, want string
		holds      bool
	}{
		{simulator.OneOf, "a|b", "b|c", true},
		{simulator.OneOf, "a", "A", false},
		{simulator.OneOf, "", "a", false},
		{simulator.NoneOf, "a|b", "c", true},
		{simulator.NoneOf, "a|b", "b", false},
		{simulator.NoneOf, "", "a", true},
		{simulator.Blank, "", "", true},
		{simulator.Blank, "a", "", false},
		{simulator.NotBlank, "a", "", true},
		{simulator.NotBlank, "", "", false},
		{simulator.Contains, "abc", "b", true},
		{simulator.Contains, "abc", "d", false},
		{simulator.NotContains, "abc", "b", false},
		{simulator.NotContains, "abc", "d", true},
		{simulator.Begins, "abc", "ab", true},
		{simulator.Begins, "abc", "b", false},
		{simulator.Ends, "abc", "bc", true},
		{simulator.Ends, "abc", "b", false},
		{simulator.Above, "b", "a", false}, // which orders
	} {
		if got := test.o.Holds(texts(test.have), texts(test.want), nil); got != test.holds {
			t.Errorf("%d of %q and %q: %v", test.o, test.have, test.want, got)
		}
	}
	if !simulator.OneOf.Holds([]string{"a"}, []string{"A"}, strings.EqualFold) {
		t.Error("texts are not compared as asked")
	}
	for o, want := range map[simulator.Operator]string{
		simulator.Above: "+", simulator.AtLeast: "0+", simulator.Below: "-", simulator.AtMost: "-0", simulator.OneOf: "",
	} {
		got := ""
		for i, sign := range []string{"-", "0", "+"} {
			if o.Orders(i - 1) {
				got += sign
			}
		}
		if got != want || o.Ordering() != (want != "") {
			t.Errorf("%d holds for %q, want %q", o, got, want)
		}
	}
}
