package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestTemplateText(t *testing.T) {
	env := testEnv(t)
	for _, tt := range []struct {
		src         string
		full, empty any
	}{
		{`a = "{{ incident.name }}"`, "Our database is sad", "n"},
		{`a = "  {{incident.severity.rank}} "`, int64(3), nil},
		{"a = <<-EOT\n    {{ incident.severity.rank }}\n  EOT\n", int64(3), nil},
		{`a = "{{ incident.name }}!"`, "Our database is sad!", "n!"},
		{`a = "{{ incident.severity.rank }}{{ incident.severity.name }}"`, "3Critical", ""},
		{`a = "rank {{ incident.severity.rank }} "`, "rank 3", "rank"},
		{"a = <<-EOT\n    {{ incident.summary }}\n\n    {{ incident.permalink }}\n  EOT\n", "Our error rate hit 12%\n\nhttps://app.incident.io/incidents/123", ""},
		{`a = "at {{ incident.created_at }}"`, "at 2026-01-02T03:04:05Z", "at"},
		{`a = "{{ incident.workload }}h"`, "1.5h", "h"},
		{`a = "{{ 1e21 }} {{ 100.0 }} {{ 0.1 }} {{ 1u }}."`, "1000000000000000000000 100 0.1 1.", "1000000000000000000000 100 0.1 1."},
		{`a = "{{ true }} {{ duration('90s') }}"`, "true 1m30s", "true 1m30s"},
		{`a = "labels: {{ incident.labels }}"`, "labels: a, b", "labels:"},
		{`a = "{{ [1, null, ['x', 'y']] }}."`, "1, , x, y.", "1, , x, y."},
		{`a = "fields: {{ dyn(incident.custom_fields) }}"`, failure("a map cannot be part of a string"), "fields:"},
		{`a = "{{ optional.none() }}."`, ".", "."},
		{`a = "{{ optional.of(1) }}."`, "1.", "1."},
		{`a = "{{ bytes('x') == b'x' }}"`, true, true},
		{`a = "plain"`, "plain", "plain"},
		{`a = "plain  "`, "plain", "plain"},
		{`a = ""`, "", ""},
		{`a = "{{ '' }}"`, "", ""},
		{`a = "{{{{ x }}"`, "{{ x }}", "{{ x }}"},
		{`a = "{{{{{{ incident.reference }}"`, "{{INC-123", "{{INC-1"},
		{`a = "{{ '}}' }}"`, "}}", "}}"},
		{`a = "{{ \"}}\" }}"`, "}}", "}}"},
		{`a = "{{ r'\\}}' }}"`, `\}}`, `\}}`},
		{`a = "{{ 'it\\'s }}' }}"`, "it's }}", "it's }}"},
		{`a = "{{ '''a'}}''' }}"`, "a'}}", "a'}}"},
		{`a = "{{ {'a': {'b': 1}}['a']['b'] }}"`, int64(1), int64(1)},
		{`a = "{{ {'a': {'b': 1}} }}"`, map[string]any{"a": map[string]any{"b": int64(1)}}, map[string]any{"a": map[string]any{"b": int64(1)}}},
		{`a = "{{{'a': 1}['a']}}"`, int64(1), int64(1)},
		{`a = "100%%{{ '' }} $${{ 5 }}"`, "100% $5", "100% $5"},
		{`a = "{{ incident.name // don't }}"`, "Our database is sad", "n"},
		{"a = <<EOT\n{{ incident.name // it's }} here\nEOT\n", "Our database is sad here", "n here"},
		{"a = \"{{\\n  incident.name\\n}}\"", "Our database is sad", "n"},
		{`a = "}} {{ 1 }}"`, "}} 1", "}} 1"},
		{`a = "{ {{ 1 }} }"`, "{ 1 }", "{ 1 }"},
		{`a = "${var.n}{{ 1 }}"`, "31", "31"},
		{`a = "{{ ${var.n} + 1 }}"`, int64(4), int64(4)},
		{`a = "{{ incident.custom_fields }}"`, map[string]any{
			"Team": "Product", "Teams": []any{"A", "Payments"}, "N": 1.5, "Flag": true,
		}, nil},
	} {
		t.Run(tt.src, func(t *testing.T) {
			tmpl, diags := env.Template(parseText(t, tt.src))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			check := func(vars map[string]any, want any) {
				t.Helper()
				got, err := tmpl.Eval(vars)
				if err != nil {
					var e *EvalError
					if !errors.As(err, &e) || e.Range.Empty() {
						t.Fatalf("%T: %v", err, err)
					}
					got = failure(err.Error())
				}
				if tt.src == `a = "{{ incident.custom_fields }}"` && want == nil {
					want = map[string]any{} // the fields are there, each null
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			check(fullVars(), tt.full)
			vars := emptyVars()
			if strings.Contains(tt.src, "dyn(incident.custom_fields)") {
				vars = nil
			}
			check(vars, tt.empty)
		})
	}
}

func TestTemplateType(t *testing.T) {
	env := testEnv(t)
	str, i := kind(connectors.String), kind(connectors.Int)
	for src, want := range map[string]connectors.Type{
		`plain`:                             str,
		`{{ incident.severity.rank }}`:      i,
		`{{ incident.severity.rank }} x`:    str,
		`{{ incident.workload }}`:           kind(connectors.Double),
		`{{ incident.has_debrief }}`:        kind(connectors.Bool),
		`{{ incident.created_at }}`:         kind(connectors.Time),
		`{{ incident.labels }}`:             connectors.ListOf(str),
		`{{ incident.timestamps }}`:         connectors.MapOf(kind(connectors.Time)),
		`{{ incident.custom_fields['x'] }}`: {},
		`{{ state == 'x' ? 'y' : null }}`:   str,
		`{{ state == 'x' ? null : 3 }}`:     i,
		`{{ state == 'x' ? null : state == 'y' ? incident.severity.rank : 2 }}`: i,
		`{{ state == 'x' ? dyn('y') : 3 }}`:                                     {},
		`{{ null }}`:                                                            {},
		`{{ incident.?name }}`:                                                  str,
		`{{ lookup(local.urgency, state, 3) }}`:                                 i,
		`{{ lookup(local.groups, state, null) }}`:                               str,
		`{{ {'a': 1} }}`:                                                        connectors.MapOf(i),
		`{{ incident.severity }}`: connectors.ObjectOf("severity", map[string]connectors.Type{
			"id": str, "name": str, "rank": i,
		}),
		`{{ duration('1s') }}`: str,
	} {
		tmpl, diags := env.Template(exprText(t, src))
		if diags.HasErrors() {
			t.Errorf("%s: %v", src, diags)
			continue
		}
		if diff := cmp.Diff(want, tmpl.Type()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", src, diff)
		}
	}
}

func TestConstant(t *testing.T) {
	env := testEnv(t)
	for src, want := range map[string]any{`a = "x "`: "x", `a = "{{{{"`: "{{", `a = "{{ 1 }}"`: nil} {
		tmpl, diags := env.Template(parseText(t, src))
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		got, ok := tmpl.Constant()
		if got != want || ok != (want != nil) {
			t.Errorf("%s: %v, %v", src, got, ok)
		}
	}
}

func TestLiterals(t *testing.T) {
	env := testEnv(t)
	type literal struct {
		Value any
		At    string
	}
	for _, tt := range []struct {
		src  string
		want []literal
	}{
		{`a = "plain"`, []literal{{"plain", `"plain"`}}},
		{`a = "{{ 'x' }}"`, []literal{{"x", "'x'"}}},
		{`a = "{{ -3 }}"`, []literal{{int64(-3), "-3"}}},
		{`a = "{{ state == 'x' ? 'y' : state == 'z' ? null : 'w' }}"`, []literal{{"y", "'y'"}, {"w", "'w'"}}},
		{`a = "{{ state == 'x' ? incident.name : 'w' }}"`, []literal{{"w", "'w'"}}},
		{`a = "{{ lookup(local.urgency, state, 3) }}"`, []literal{{int64(3), "3"}}},
		{`a = "{{ lookup(local.groups, state, null) }}"`, nil},
		{`a = "{{ incident.?name.orValue('none') }}"`, []literal{{"none", "'none'"}}},
		{`a = "{{ cel.bind(s, state, s == 'x' ? 1 : 2) }}"`, []literal{{int64(1), "1"}, {int64(2), "2"}}},
		{`a = "{{ ['a', 'b'] }}"`, []literal{{[]any{"a", "b"}, "['a', 'b']"}}},
		{`a = "{{ ['a', state] }}"`, []literal{{[]any{"a"}, "'a'"}}},
		{`a = "{{ {'a': 1.5, 'b': null} }}"`, []literal{{map[string]any{"a": 1.5, "b": nil}, "{'a': 1.5, 'b': null}"}}},
		{`a = "{{ true }}"`, []literal{{true, "true"}}},
		{`a = "{{ incident.name }}"`, nil},
		{`a = "{{ 'x' }} and {{ 'y' }}"`, nil},
		{`a = "{{ 'é👩‍👩‍👧' }}"`, []literal{{"é👩‍👩‍👧", "'é👩‍👩‍👧'"}}},
	} {
		tmpl, diags := env.Template(parseText(t, tt.src))
		if diags.HasErrors() {
			t.Errorf("%s: %v", tt.src, diags)
			continue
		}
		var got []literal
		for _, l := range tmpl.Literals() {
			got = append(got, literal{l.Value, string(l.Range.SliceBytes([]byte(tt.src)))})
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.src, diff)
		}
	}
}

func TestTemplateErrors(t *testing.T) {
	env := testEnv(t)
	for _, tt := range []struct{ src, at, summary string }{
		{`a = "x {{ incident.name"`, "{{", `"{{" is not closed`},
		{`a = "x {{ '}}"`, "{{", `"{{" is not closed`},
		{`a = "x {{ f(a }} y"`, "{{", `"{{" is not closed`},
		{`a = "x {{"`, "{{", `"{{" is not closed`},
		{`a = "{{ }} x"`, "{{ }}", "empty expression"},
		{`a = "{{}}"`, "{{}}", "empty expression"},
		{`a = "é {{ incident.nme }} x"`, "nme", `unknown field "nme"`},
		{`a = "{{ incident.name }} {{ incident.nme }}"`, "nme", `unknown field "nme"`},
		{`a = "{{ incident.severity }} x"`, "incident.severity", "an object cannot be part of a string"},
		{`a = "{{ {'a': 1} }} x"`, "{'a': 1}", "a map cannot be part of a string"},
		{`a = "{{ b'x' }}"`, "b'x'", "a field cannot hold bytes"},
		{`a = "{{ state == 'x' ? 1 : 'x' }}"`, "?", "the branches of ?: are an int and a string"},
		{"a = \"{{ 'a\\n' }}\"", "'a", "a line break within a text"},
	} {
		_, diags := env.Template(parseText(t, tt.src))
		if len(diags) != 1 {
			t.Errorf("%s: %d diagnostics: %v", tt.src, len(diags), diags)
			continue
		}
		at := string(diags[0].Subject.SliceBytes([]byte(tt.src)))
		if at != tt.at || diags[0].Summary != tt.summary {
			t.Errorf("%s: %q %s, want %q %s", tt.src, at, diags[0].Summary, tt.at, tt.summary)
		}
	}
	_, diags := env.Template(parseText(t, `a = "{{ incident.nme }} {{ }} {{ incidnt }} {{"`))
	var at []int
	for _, d := range diags {
		at = append(at, d.Subject.Start.Column)
	}
	if diff := cmp.Diff([]int{18, 25, 34, 45}, at); diff != "" {
		t.Errorf("several mistakes (-want +got):\n%s", diff)
	}
}

// FuzzSplit holds that the parts of a template make up its text, and that
// nothing in it makes the compiler panic or point outside.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		"{{ a }}", "x {{ '}}' }} y", "{{{{", "{{ {'a': 1} }}", "{{ f(']') }}", "{{ r'\\' }}", "{{ '''}}''' }}", "{{ // ' }}", "{{ `}}` }}",
		"{{ a", "}}", "{{}}", "{{ \"\\\" }}", "{{ [}} ]}}", "{{ incident.labels.map(l, l) }}", "{{ 'é' + incident.nope }}",
		"{{ {b'a': 'x'}[b'a'] }}", "{{ !!!!true }}", "{{ lists.range(100000000) }}", "{{ 'a'.matches('(a{1000}){1000}') }}", "{{ [1].map(x, [x].map(x, x)) }}",
	} {
		f.Add(s)
	}
	env := testEnv(f)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, '\uFFFD') || len(s) > 1000 {
			return
		}
		text := &Text{value: s, runes: []rune(s), file: []byte(s)}
		for i, r := range s {
			text.spans = append(text.spans, span{i, i + len(string(r))})
		}
		text.end = len(s)
		text.rng.Start.Line, text.rng.Start.Column = 1, 1
		text.rng.End = text.pos(len(s))
		parts, diags := split(text)
		if !diags.HasErrors() {
			var b strings.Builder
			for _, p := range parts {
				if p.isExpr {
					b.WriteString(string(text.runes[p.open:p.close]))
				} else {
					b.WriteString(strings.ReplaceAll(p.literal, "{{", "{{{{"))
				}
			}
			if b.String() != s {
				t.Fatalf("the parts of %q are %q", s, b.String())
			}
		}
		tmpl, diags := env.Template(text)
		if (tmpl == nil) != diags.HasErrors() {
			t.Fatalf("%q: template %v with %v", s, tmpl != nil, diags)
		}
		for _, d := range diags {
			if d.Summary == "" || d.Detail == "" || d.Subject.Start.Byte < 0 || d.Subject.End.Byte > len(s) || strings.Contains(d.Summary+d.Detail, "<input>") {
				t.Fatalf("%q: %v", s, d)
			}
		}
		if tmpl == nil {
			return
		}
		tmpl.Type()
		tmpl.Literals()
		tmpl.Reads()
		if _, err := tmpl.Eval(emptyVars()); err != nil {
			if _, ok := errors.AsType[*EvalError](err); !ok {
				t.Fatalf("%q: %T", s, err)
			}
		}
	})
}
