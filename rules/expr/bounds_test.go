package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

func textAt(s string) *Text {
	text := &Text{value: s, runes: []rune(s), file: []byte(s), end: len(s)}
	for i, r := range s {
		text.spans = append(text.spans, span{i, i + len(string(r))})
	}
	text.rng = hcl.Range{Start: hcl.InitialPos, End: hcl.Pos{Line: 1, Column: len(s) + 1, Byte: len(s)}}
	return text
}

// Small expressions that overflow a stack, take all memory or make a library
// panic while they are compiled are errors at a place in them.
func TestCompileIsBounded(t *testing.T) {
	rep := strings.Repeat
	env := testEnv(t)
	for name, test := range map[string]struct{ cel, want string }{
		"bytes as key":  {"{b'a': 'x'}[b'a']", "this cannot be worked out"},
		"brackets":      {rep("[", 20_000) + rep("]", 20_000), "nested more than 200 levels deep"},
		"parentheses":   {rep("(", 20_000) + "1" + rep(")", 20_000), "nested more than 200 levels deep"},
		"exclamation":   {rep("!", 40_000) + "true", "nested more than 200 levels deep"},
		"minus":         {rep("-", 40_000) + "1", "nested more than 200 levels deep"},
		"choices":       {rep("true ? 1 : ", 4_000) + "1", "the expression is too long"},
		"sum":           {"1" + rep("+1", 20_000), "the expression is too long"},
		"indexes":       {"[1]" + rep("[0]", 10_000), "the expression is too long"},
		"selections":    {"incident" + rep(".a", 20_000), "the expression is too long"},
		"length":        {"'" + rep("x", 60_000) + "'", "the expression is too long"},
		"macros":        {rep("[1].map(x, ", 100) + "1" + rep(")", 100), "macros nested more than 20 levels deep"},
		"maps":          {rep("{'a': ", 100) + "1" + rep("}", 100), "lists and maps nested more than 50 levels deep"},
		"optional maps": {"optional.of(1)" + rep(".optMap(x, x)", 300), "the expression is too long"},
		"pattern":       {"'a'.matches('" + rep("a{1000}", 10) + "')", "the regular expression is too large"},
	} {
		t.Run(name, func(t *testing.T) {
			tmpl, diags := env.Template(textAt("{{ " + test.cel + " }}"))
			if tmpl != nil || len(diags) != 1 || diags[0].Summary != test.want || strings.Contains(diags[0].Detail, "goroutine") {
				t.Errorf("%v %+v", tmpl != nil, diags)
			}
			if _, diags = env.Condition(textAt(test.cel)); len(diags) != 1 || diags[0].Summary != test.want {
				t.Errorf("as a condition: %+v", diags)
			}
		})
	}
}

// A call that would make much of little is not made, and says whose budget it is.
func TestEvalIsBounded(t *testing.T) {
	env := testEnv(t)
	doubled := func(n int, inner string) string {
		return strings.Repeat("cel.bind(a, a + a, ", n) + inner + strings.Repeat(")", n)
	}
	long := strings.Repeat("x", 10_000)
	for name, cel := range map[string]string{
		"range":         "lists.range(1000000000).size()",
		"replace":       "'" + long + "'.replace('x', '" + long + "').size()",
		"replace empty": "'" + long + "'.replace('', '" + long + "').size()",
		"join":          "lists.range(10000).map(i, '').join('" + long + "').size()",
		"pairs":         "sets.contains(lists.range(50000), lists.range(50000))",
		"distinct":      "lists.range(90000).distinct().size()",
		"loops":         "lists.range(1000).map(x, lists.range(1000).map(y, lists.range(100))).size()",
		"doubling":      "cel.bind(a, '" + long + "', " + doubled(15, "a.size()") + ")",
		"matching":      "'" + long + "'.matches('" + strings.Repeat("(a|x){900}", 4) + "' + (has(incident.name) ? 'b' : 'y'))",
	} {
		t.Run(name, func(t *testing.T) {
			tmpl, diags := env.Template(textAt("{{ " + cel + " }}"))
			if tmpl == nil {
				t.Fatal(diags)
			}
			_, err := tmpl.Eval(emptyVars())
			var e *EvalError
			if !errors.As(err, &e) || !errors.Is(err, connectors.ErrTooCostly) {
				t.Errorf("%v", err)
			}
		})
	}
}

// The functions that are guarded do what they did.
func TestGuardedFunctions(t *testing.T) {
	env := testEnv(t)
	for cel, want := range map[string]any{
		"lists.range(3).size()":                int64(3),
		"'%.2f %s'.format([1.5, 'x'])":         "1.50 x",
		"'a-b'.replace('-', '+')":              "a+b",
		"'a-b-c'.replace('-', '+', 1)":         "a+b-c",
		"['a', 'b'].join('-')":                 "a-b",
		"['a', 'b'].join()":                    "ab",
		"'a-b-c'.split('-', 2)[1]":             "b-c",
		"[[1], [2, 3]].flatten().size()":       int64(3),
		"[1, 1, 2].distinct().size()":          int64(2),
		"sets.contains([1, 2], [1])":           true,
		"regex.replace('abc', 'b', 'x')":       "axc",
		"regex.extractAll('abab', 'a').size()": int64(2),
		"'abc'.matches('b' + 'c')":             true,
		"matches('abc', '^b')":                 false,
		"[3, 1, 2].sort()[0]":                  int64(1),
	} {
		tmpl, diags := env.Template(textAt("{{ " + cel + " }}"))
		if tmpl == nil {
			t.Errorf("%s: %v", cel, diags)
			continue
		}
		if got, err := tmpl.Eval(emptyVars()); err != nil || got != want {
			t.Errorf("%s: %v, %v", cel, got, err)
		}
	}
}

// A long text with many expressions takes no square of its length.
func TestPlacesOfALongText(t *testing.T) {
	const n = 3000
	line := "{{ incident.name }} é é é é é é é é é é"
	text := textAt(strings.Repeat(line, n))
	for _, at := range []int{1, n / 2, n - 1} {
		from := at * len([]rune(line))
		if got := text.Span(from, from+2).Start; got.Line != 1 || got.Column != from+1 {
			t.Errorf("rune %d is at %v", from, got)
		}
	}
	lines := textAt(strings.Repeat(line+"\n", n))
	for _, at := range []int{1, n / 2, n - 1} {
		from := at * (len([]rune(line)) + 1)
		if got := lines.Span(from, from+2).Start; got.Line != at+1 || got.Column != 1 {
			t.Errorf("line %d is at %v", at+1, got)
		}
	}
}
