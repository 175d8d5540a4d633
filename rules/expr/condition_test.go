package expr

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func condition(t testing.TB, env *Env, x string) *Condition {
	t.Helper()
	c, diags := env.Condition(exprText(t, x))
	if diags.HasErrors() {
		t.Fatalf("%s: %v", x, diags)
	}
	return c
}

func TestConditionResult(t *testing.T) {
	env := testEnv(t)
	for _, tt := range []struct {
		expr string
		want bool
		err  string
	}{
		{`true`, true, ""},
		{`incident.severity.name == 'Critical'`, true, ""},
		{`incident.custom_fields['Flag']`, true, ""},
		{`incident.custom_fields['Team']`, false, "the condition is a string, not a bool"},
		{`incident.custom_fields['Missing']`, false, "the condition is null, not a bool"},
		{`incident.custom_fields['Missing'] || true`, true, ""},
		{`incident.custom_fields['Missing'] < 3 || true`, true, ""},
		{`true || incident.custom_fields['Missing'] < 3`, true, ""},
		{`incident.custom_fields['Missing'] < 3 && false`, false, ""},
	} {
		got, err := condition(t, env, tt.expr).Eval(fullVars())
		if err != nil && err.Error() != tt.err || err == nil && tt.err != "" || got != tt.want {
			t.Errorf("%s: %v, %v; want %v, %q", tt.expr, got, err, tt.want, tt.err)
		}
	}
}

func TestSource(t *testing.T) {
	text := parseText(t, "when = <<-EOT\n    incident.name  ==\n      'x'\n  EOT\n")
	c, diags := testEnv(t).Condition(text)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got, want := c.Source(), "incident.name == 'x'"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOperands(t *testing.T) {
	env := testEnv(t)
	for _, tt := range []struct {
		expr string
		want []Operand
	}{
		{`incident.incident_type.name == 'Engineering'`, []Operand{{"incident.incident_type.name", `"Security"`}}},
		{
			`incident.severity.rank > 1 || incident.name == 'x' && incident.severity.rank < 9`,
			[]Operand{{"incident.severity.rank", "3"}, {"incident.name", `"Our database is sad"`}},
		},
		{
			`incident.custom_fields["Team"] == 'x' || incident.custom_fields['It\'s'] == 1`,
			[]Operand{{"incident.custom_fields['Team']", `"Product"`}, {`incident.custom_fields['It\'s']`, "null"}},
		},
		{
			`has(incident.severity.name) && incident.?severity.?id.hasValue()`,
			[]Operand{{"incident.severity.name", `"Critical"`}, {"incident.severity.id", `"s1"`}},
		},
		{
			`local.urgency[incident.severity.name] == 1`,
			[]Operand{{"local.urgency[incident.severity.name]", "1"}, {"incident.severity.name", `"Critical"`}},
		},
		{`incident.labels[0] == 'a' && incident.labels[9] == 'b'`, []Operand{{"incident.labels[0]", `"a"`}, {"incident.labels[9]", "null"}}},
		{`incident.labels.exists(l, l == state)`, []Operand{{"incident.labels", `["a","b"]`}, {"state", `"done"`}}},
		{`incident.labels.exists(incident, incident == 'a')`, []Operand{{"incident.labels", `["a","b"]`}}},
		{`cel.bind(s, incident.severity.name, s == 'x')`, []Operand{{"incident.severity.name", `"Critical"`}}},
		{
			`incident.roles.exists(k, v, k == 'x' && v.name == incident.name)`,
			[]Operand{{"incident.roles", `{"Incident Lead":{"email":"l@x","id":"1","name":"L"}}`}, {"incident.name", `"Our database is sad"`}},
		},
		{`incident.created_at > timestamp('2026-01-01T00:00:00Z')`, []Operand{{"incident.created_at", `"2026-01-02T03:04:05Z"`}}},
		{
			`ticket.id == 'x' && parent.ticket.id == incident.number`,
			[]Operand{{"ticket.id", `"sys1"`}, {"parent.ticket.id", `"p1"`}, {"incident.number", `"INC-123"`}},
		},
		{`incident.permalink == '<&>'`, []Operand{{"incident.permalink", `"https://app.incident.io/incidents/123"`}}},
		{`incident.custom_fields['a' + state] == 1`, []Operand{{"state", `"done"`}}},
		{`true`, nil},
	} {
		if diff := cmp.Diff(tt.want, condition(t, env, tt.expr).Operands(fullVars())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.expr, diff)
		}
	}
	got := condition(t, env, `incident.severity.name == 'x' || parent.ticket.id == 'y'`).Operands(nil)
	if diff := cmp.Diff([]Operand{{"incident.severity.name", "null"}, {"parent.ticket.id", "null"}}, got); diff != "" {
		t.Errorf("without variables (-want +got):\n%s", diff)
	}
}

func TestReads(t *testing.T) {
	env := testEnv(t)
	c := condition(t, env, `incident.custom_fields["Team"] == parent.ticket.id && local.urgency[incident.severity.name] == 1 && incident.labels[0] == 'x' && incident.labels[1] == 'y'`)
	want := []Path{
		{"incident", "custom_fields", "Team"},
		{"parent", "ticket", "id"},
		{"local", "urgency"},
		{"incident", "severity", "name"},
		{"incident", "labels"},
	}
	if diff := cmp.Diff(want, c.Reads()); diff != "" {
		t.Errorf("condition (-want +got):\n%s", diff)
	}
	tmpl, diags := env.Template(parseText(t, `a = "{{ incident.name }}: {{ incident.summary }} {{ incident.name }}"`))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if diff := cmp.Diff([]Path{{"incident", "name"}, {"incident", "summary"}}, tmpl.Reads()); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
}

func TestAlwaysTrue(t *testing.T) {
	env := testEnv(t)
	for expr, want := range map[string]bool{
		`true`:                                   true,
		`1 < 2`:                                  true,
		`true || incident.name == 'x'`:           true,
		`incident.name == 'x' || true`:           true,
		`[1, 2].exists(x, x == 2)`:               true,
		`incident.name == 'x'`:                   false,
		`incident.name == 'x' && true`:           false,
		`has(incident.name)`:                     false,
		`false`:                                  false,
		`incident.custom_fields['x']`:            false,
		`incident.labels.all(l, true)`:           false,
		`incident.labels.exists(l, true) || 1>0`: true,
	} {
		if got := condition(t, env, expr).AlwaysTrue(); got != want {
			t.Errorf("%s: %v", expr, got)
		}
	}
}

// TestErrorPlace looks for the place of failed evaluations.
func TestErrorPlace(t *testing.T) {
	env := testEnv(t)
	for _, tt := range []struct{ src, at string }{
		{`when = "true && incident.severity.rank < 3"`, "<"},
		{`when = "state == 'é👩‍👩‍👧' || incident.summary.startsWith('x')"`, "startsWith"},
		{`when = "local.urgency['X'] == 1"`, "['X']"},
		{`when = "local.urgency.X == 1"`, "X"},
		{`when = "local.names[7] == 'x'"`, "[7]"},
		{`when = "1 / (size(local.names) - 2) == 1"`, "/"},
		{`when = "(incident.has_debrief ? 1 : 2) == 1"`, "?"},
		{`when = "incident.name == 'x' || incident.has_debrief"`, "||"},
		{`when = "string(incident.summary) == 'x'"`, "string"},
		{`when = "incident.custom_fields['x']"`, "incident.custom_fields['x']"},
		{`when = "local.names.exists(n, n < incident.summary)"`, "<"},
	} {
		c, diags := env.Condition(parseText(t, tt.src))
		if diags.HasErrors() {
			t.Fatalf("%s: %v", tt.src, diags)
		}
		_, err := c.Eval(emptyVars())
		var e *EvalError
		ok := errors.As(err, &e)
		if !ok {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		if got := string(e.Range.SliceBytes([]byte(tt.src))); got != tt.at {
			t.Errorf("%s: %q, want %q (%s)", tt.src, got, tt.at, e.Message)
		}
	}
}

// TestErrorsQuoteNoContent holds what a record contains out of the text of
// errors.
func TestErrorsQuoteNoContent(t *testing.T) {
	env := testEnv(t)
	vars := fullVars()
	const canary = "canary7"
	vars["state"] = canary
	for _, expr := range []string{
		`local.urgency[state] == 1`, `int(state) == 1`, `timestamp(state) == incident.created_at`, `duration(state) > duration('1s')`,
		`'x'.matches('[' + state) `, `state + dyn(1) == 'x'`, `{state: 1}['x'] == 1`, `[state][9] == 'x'`, `state.charAt(99) == 'x'`,
		`base64.decode(state + '!') == b'x'`, `state.substring(99) == 'x'`, `incident.created_at.getHours(state) == 1`, `'%d'.format([dyn(state)]) == 'x'`,
		`bool(state)`, `double(state) > 1.0`, `regex.extract('x', '(' + state) == optional.none()`, `[1, 2].map(x, state)[7] == 'x'`,
	} {
		c := condition(t, env, expr)
		_, err := c.Eval(vars)
		if err == nil {
			t.Errorf("%s: no error", expr)
			continue
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	env := testEnv(t)
	exprs := []string{
		`incident.name.startsWith(incident.summary)`, `incident.severity.rank < 3`, `incident.roles.exists(k, v, k == 'x')`,
		`incident.name.matches('^x')`, `local.urgency[state] == 1`,
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, x := range exprs {
				c, diags := env.Condition(exprText(t, x))
				if diags.HasErrors() {
					t.Errorf("%s: %v", x, diags)
					return
				}
				for range 20 {
					c.Eval(fullVars())
					c.Eval(emptyVars())
					c.Operands(fullVars())
				}
			}
		})
	}
	group.Wait()
}

func TestNewEnvTwice(t *testing.T) {
	if _, err := testLanguage(t).Env([]Variable{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("no error")
	}
}

func BenchmarkCompile(b *testing.B) {
	env := testEnv(b)
	text := parseText(b, `when = "incident.incident_type.name == 'Security' || incident.severity.name == 'Critical'"`)
	for b.Loop() {
		if _, diags := env.Condition(text); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	env := testEnv(b)
	for name, expr := range map[string]string{
		"typical": `incident.incident_type.name == 'Engineering' || incident.severity.name == 'Major'`,
		"metered": `incident.labels.exists(l, l == 'x')`,
	} {
		b.Run(name, func(b *testing.B) {
			c := condition(b, env, expr)
			vars := fullVars()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Eval(vars); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewLanguage(b *testing.B) {
	for b.Loop() {
		testLanguage(b)
	}
}

func BenchmarkEnv(b *testing.B) {
	language := testLanguage(b)
	for b.Loop() {
		envOf(b, language)
	}
}
