package expr

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

// failure is an evaluation's error in a table.
type failure string

func TestEval(t *testing.T) {
	env := testEnv(t)
	for _, tt := range []struct {
		expr        string
		full, empty any
	}{
		// As the documentation has them.
		{`incident.incident_type.name == 'Engineering'`, false, false},
		{`incident.incident_type.name == 'Security' || incident.severity.name == 'Critical'`, true, false},
		{`lookup(local.urgency, incident.severity.name, 3)`, int64(1), int64(3)},
		{`incident.creator.user.email`, "lisa@incident.io", nil},
		{`state == 'done' ? 'Solution provided' : null`, "Solution provided", nil},
		{`state == 'done' ? 'Resolved in ' + incident.reference : null`, "Resolved in INC-123", nil},
		{`ticket.number`, "INC001", nil},
		{`ticket.id`, "sys1", nil},
		{`ticket.url`, nil, nil},
		{`ticket.u_team`, "x", nil},
		{`parent.ticket.id`, "p1", nil},
		{`parent.incident.severity.name`, "Critical", nil},
		{`incident.id + incident.number`, "01FINC-123", failure("+ does not work on a string and null (incident.number is null)")},
		{`comment.kind`, "work_notes", nil},
		{`local.mixed.b`, int64(1), int64(1)},

		// null
		{`incident.severity == null`, false, true},
		{`null == incident.severity`, false, true},
		{`incident.severity != null`, true, false},
		{`incident.severity.name`, "Critical", nil},
		{`incident.summary != null && incident.summary.startsWith('Our')`, true, false},
		{`incident.summary == null ? 'none' : incident.summary`, "Our error rate hit 12%", "none"},
		{`incident.summary == null ? null : 'yes'`, "yes", nil},
		{`incident.severity == null ? 3 : local.urgency[incident.severity.name]`, int64(1), int64(3)},
		{`incident.roles["Incident Lead"] == null`, false, true},
		{`incident.roles["Incident Lead"].email`, "l@x", nil},
		{`incident.roles["Nobody"].email`, nil, nil},
		{`incident.timestamps['Impact started'] == null`, false, true},
		{`has(incident.severity)`, true, false},
		{`has(incident.severity.name)`, true, false},
		{`has(incident.roles['Incident Lead'].email)`, true, false},
		{`has(incident.custom_fields.Team)`, true, false},
		{`has(incident.custom_fields.Unset)`, false, false},
		{`has(local.urgency.Critical)`, true, true},
		{`'x' in incident.labels`, false, false},
		{`'a' in incident.labels`, true, false},
		{`size(incident.labels)`, int64(2), int64(0)},
		{`incident.labels.size() > 0`, true, false},
		{`size(incident.severity) > 0`, failure("load"), nil},
		{`null == null`, true, true},
		{`null in [null, 'a']`, true, true},
		{`incident.severity.name in ['Critical', null]`, true, true},
		{`incident.severity.name in ['Critical', 'Major']`, true, false},
		{`incident.severity.rank in [1, 2, 3]`, true, false},
		{`incident.severity in [incident.severity]`, true, true},
		{`size(null)`, int64(0), int64(0)},
		{`'x' in null`, false, false},
		{`incident.summary in null`, false, false},
		{`incident.labels.map(l, l + '!')`, []any{"a!", "b!"}, []any{}},
		{`incident.labels.exists(l, l == null)`, false, false},
		{`incident.labels + ['c']`, []any{"a", "b", "c"}, failure("+ does not work on null and a list (incident.labels is null)")},
		{`incident.labels[0]`, "a", nil},
		{`incident.labels[9]`, failure("incident.labels[9]: the index is out of range"), nil},
		{`incident.role_assignments[0].assignee.email`, nil, nil},
		{`incident.roles.Nobody.email`, nil, nil},
		{`local.mixed.a.size() + local.mixed.b`, int64(2), int64(2)},
		{`parent.incident.creator.user.email`, "lisa@incident.io", nil},
		{`dyn(incident.summary) == dyn(null)`, false, true},
		{`incident.summary == dyn(null) ? 'none' : 'some'`, "some", "none"},
		{`[incident.summary].filter(s, s != null)`, []any{"Our error rate hit 12%"}, []any{}},
		{`type(incident.severity) == null_type`, false, true},
		{`[incident.summary, null]`, []any{"Our error rate hit 12%", nil}, []any{nil, nil}},
		{`{'a': incident.summary}`, map[string]any{"a": "Our error rate hit 12%"}, map[string]any{"a": nil}},
		{`incident.severity.rank >= 2`, true, failure(">= does not work on null and an int (incident.severity.rank is null)")},
		{`incident.severity.rank < 2 || incident.name == 'n'`, false, true},
		{`incident.name == 'n' || incident.severity.rank < 2`, false, true},
		{`incident.severity.rank < 2 && incident.name == 'x'`, false, false},
		{`incident.summary + 'x'`, "Our error rate hit 12%x", failure("+ does not work on null and a string (incident.summary is null)")},
		{`'x' + incident.summary`, "xOur error rate hit 12%", failure("+ does not work on a string and null (incident.summary is null)")},
		{`incident.summary.startsWith('O')`, true, failure("startsWith does not work on null and a string (incident.summary is null)")},
		{`incident.name.startsWith(incident.summary)`, false, failure("startsWith does not work on a string and null (incident.summary is null)")},
		{`incident.summary.matches('^Our')`, true, failure("matches does not work on null and a string (incident.summary is null)")},
		{`incident.summary.lowerAscii()`, "our error rate hit 12%", failure("lowerAscii does not work on null (incident.summary is null)")},
		{`incident.labels.join('+')`, "a+b", failure("join does not work on null and a string (incident.labels is null)")},
		{`string(incident.summary)`, "Our error rate hit 12%", failure("null cannot be made a string (incident.summary is null)")},
		{`!incident.has_debrief`, false, failure("! does not work on null (incident.has_debrief is null)")},
		{`-incident.severity.rank`, int64(-3), failure("- does not work on null (incident.severity.rank is null)")},
		{`incident.has_debrief ? 1 : 2`, int64(1), failure("the condition before ? is not a bool; incident.has_debrief is null")},
		{`incident.has_debrief && true`, true, failure("&& takes bools, and one side is not a bool; incident.has_debrief is null")},

		// Maps
		{`incident.custom_fields["Team"]`, "Product", nil},
		{`incident.custom_fields["Missing"] == null`, true, true},
		{`'Team' in incident.custom_fields`, true, false},
		{`'Payments' in incident.custom_fields["Teams"]`, true, false},
		{`incident.custom_fields["Teams"].exists(t, t == 'Payments')`, true, false},
		{`incident.custom_fields["Teams"].filter(t, t in local.groups).map(t, local.groups[t])[0]`, "PAY", failure("the index is out of range")},
		{`incident.custom_fields["N"] > 1`, true, failure("> does not work on null and an int (incident.custom_fields['N'] is null)")},
		{`incident.workload > 1`, true, failure("> does not work on null and an int (incident.workload is null)")},
		{`incident.custom_fields.exists(k, k == 'Team')`, true, false},
		{`incident.custom_fields.exists(k, k == 'Unset')`, false, false},
		{`size(incident.custom_fields)`, int64(4), int64(0)},
		{`incident.custom_fields.transformList(k, v, k)`, []any{"Flag", "N", "Team", "Teams"}, []any{}},
		{`incident.custom_fields.transformMap(k, v, k == 'Team', v)`, map[string]any{"Team": "Product"}, map[string]any{}},
		{`incident.roles.transformList(k, v, k + ': ' + v.name)`, []any{"Incident Lead: L"}, []any{}},
		{`incident.labels.transformList(i, v, string(i) + v)`, []any{"0a", "1b"}, []any{}},
		{`incident.role_assignments.exists(r, r.role == 'lead' && r.assignee.name == 'L')`, true, false},
		{`local.urgency[incident.severity.name]`, int64(1), failure("local.urgency[incident.severity.name]: the key incident.severity.name is null")},
		{`local.urgency['X']`, failure("local.urgency['X']: there is no such key"), failure("local.urgency['X']: there is no such key")},
		{`local.urgency.X`, failure("local.urgency.X: there is no such key"), failure("local.urgency.X: there is no such key")},
		{`local.names[7]`, failure("local.names[7]: the index is out of range"), failure("local.names[7]: the index is out of range")},
		{`local.urgency.transformList(k, v, k).sort()`, []any{"Critical", "Major", "Minor"}, []any{"Critical", "Major", "Minor"}},
		{`lookup(local.groups, incident.custom_fields['Team'], null)`, nil, nil},
		{`lookup(incident.custom_fields, 'Team', 'none')`, "Product", "none"},
		{`lookup({'a': 1}, 'a', 2)`, int64(1), int64(1)},
		{`{'Critical': 1, 'Major': 2}[incident.severity.name]`, int64(1), failure("the key is null")},
		{`incident.custom_fields[state]`, nil, nil},
		{`{'a': {'b': 1}}['a']['b']`, int64(1), int64(1)},
		{`incident.severity == parent.incident.severity`, true, true},
		{`incident.creator.user == incident.roles['Incident Lead']`, false, true},

		// Optional values
		{`incident.?severity.name.orValue('none')`, "Critical", "none"},
		{`incident.?severity.?name.orValue('none')`, "Critical", "none"},
		{`local.urgency[?incident.severity.name].orValue(3)`, int64(1), int64(3)},
		{`incident.custom_fields[?"Missing"].orValue('d')`, "d", "d"},
		{`incident.custom_fields[?"Team"].orValue('d')`, "Product", "d"},
		{`incident.?summary`, "Our error rate hit 12%", nil},
		{`optional.ofNonZeroValue(incident.summary).orValue('none')`, "Our error rate hit 12%", "none"},

		// Libraries, and what results become
		{`incident.created_at`, created, nil},
		{`incident.created_at.getHours('Europe/Berlin')`, int64(4), failure("getHours does not work on null and a string (incident.created_at is null)")},
		{`incident.created_at > timestamp('2026-01-01T00:00:00Z')`, true, failure("> does not work on null and a timestamp (incident.created_at is null)")},
		{`incident.created_at - incident.created_at`, "0s", failure("- does not work on null and null (incident.created_at and incident.created_at are null)")},
		{`duration('90s')`, "1m30s", "1m30s"},
		{`2u`, int64(2), int64(2)},
		{`1.0 / 0.0`, failure("the result is not a number"), failure("the result is not a number")},
		{`9223372036854775807 + size(local.names)`, failure("integer overflow"), failure("integer overflow")},
		{`timestamp(253402300800 + size(local.names))`, failure("an int cannot be made a timestamp"), failure("an int cannot be made a timestamp")},
		{`int(incident.name)`, failure("a string cannot be made an int"), failure("a string cannot be made an int")},
		{`math.greatest(1, 2)`, int64(2), int64(2)},
		{`sets.contains(incident.labels, ['a'])`, true, failure("sets.contains does not work on null and a list (incident.labels is null)")},
		{`base64.encode(b'x')`, "eA==", "eA=="},
		{`regex.replace(incident.reference, r'\d+', '#')`, "INC-#", "INC-#"},
		{`'%s: %d'.format([incident.name, 3])`, "Our database is sad: 3", "n: 3"},
		{`cel.bind(s, incident.severity.name, s == null ? 'none' : s)`, "Critical", "none"},
		{`incident.name.split(' ')`, []any{"Our", "database", "is", "sad"}, []any{"n"}},
		{`lists.range(3)`, []any{int64(0), int64(1), int64(2)}, []any{int64(0), int64(1), int64(2)}},
		{`incident.severity`, map[string]any{"id": "s1", "name": "Critical", "rank": int64(3)}, nil},
		{`incident.custom_fields['Flag']`, true, nil},
		{`json.encode({'a': incident.summary})`, `{"a":"Our error rate hit 12%"}`, `{"a":null}`},
		{`{1: 2}`, failure("the keys of a map must be strings, not an int"), failure("the keys of a map must be strings, not an int")},
		{`incident.severity.name == 'Critical' ? 1 : 2`, int64(1), int64(2)},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			text := exprText(t, "{{ "+tt.expr+" }}")
			tmpl, diags := env.Template(text)
			if tt.full == failure("load") {
				if !diags.HasErrors() {
					t.Fatal("loaded")
				}
				return
			}
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			check := func(name string, vars map[string]any, want any) {
				t.Helper()
				got, err := tmpl.Eval(vars)
				if err != nil {
					if _, ok := errors.AsType[*EvalError](err); !ok {
						t.Fatalf("%s: %T: %v", name, err, err)
					}
					got = failure(err.Error())
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			check("full", fullVars(), tt.full)
			check("empty", emptyVars(), tt.empty)
		})
	}
}

// TestCostLimit: what takes more steps than the language allows is given up, and
// what takes fewer is not.
func TestCostLimit(t *testing.T) {
	language := testLanguage(t)
	if language.costLimit != 1_000_000 {
		t.Errorf("the limit is %d steps", language.costLimit)
	}
	language.costLimit = 10_000
	env := envOf(t, language)
	for n, want := range map[int]string{10: "", 100: "the evaluation costs more than 10000 steps"} {
		tmpl, diags := env.Template(exprText(t, fmt.Sprintf("{{ lists.range(%d).all(x, lists.range(%d).all(y, x + y >= 0)) }}", n, n)))
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		got := ""
		if _, err := tmpl.Eval(fullVars()); err != nil {
			if got = err.Error(); !errors.Is(err, connectors.ErrTooCostly) {
				t.Errorf("%d rounds: %v is not of a budget", n, err)
			}
		}
		if got != want {
			t.Errorf("%d rounds: got %q, want %q", n, got, want)
		}
	}
}
