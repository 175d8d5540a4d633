package connectors_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestTextOfLists(t *testing.T) {
	for _, test := range []struct {
		in   any
		want string
		ok   bool
	}{
		{[]any{}, "", true},
		{[]any{"a", int64(2), nil, true}, "a, 2, , true", true},
		{[]any{"a", []any{"b", []any{"c"}}, []any{}}, "a, b, c, ", true},
		{[]any{"a", []any{map[string]any{}}}, "", false},
	} {
		if got, ok := connectors.TextOf(test.in); got != test.want || ok != test.ok {
			t.Errorf("TextOf(%v) = %q, %v; want %q, %v", test.in, got, ok, test.want, test.ok)
		}
	}
}

// TestTextOfDeepList: a text that lies deep in lists is not copied once for each
// of them.
func TestTextOfDeepList(t *testing.T) {
	const size = 100_000
	var list any = strings.Repeat("a", size)
	for range 5000 {
		list = []any{list, "b"}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, ok := connectors.TextOf(list)
	runtime.ReadMemStats(&after)
	if !ok || len(got) != size+5000*len(", b") {
		t.Fatalf("%v, %d bytes", ok, len(got))
	}
	if copied := after.TotalAlloc - before.TotalAlloc; copied > 100*size {
		t.Errorf("%d bytes were allocated for %d", copied, size)
	}
}
