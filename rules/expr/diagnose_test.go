package expr

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors/nearest"
)

// TestDiagnostics says for each mistake where it is reported and how. The
// marker is what the range covers.
func TestDiagnostics(t *testing.T) {
	env := testEnv(t)
	for _, tt := range []struct{ expr, at, summary, detail string }{
		// Fields and names
		{`incident.severty.name == 'x'`, "severty", `unknown field "severty"`, `incident has no field "severty"; did you mean "severity"?`},
		{`incident.severity.nmae == 'x'`, "nmae", `unknown field "nmae"`, `incident.severity has no field "nmae"; did you mean "name"?`},
		{`has(incident.severity.nope)`, "nope", `unknown field "nope"`, `incident.severity has no field "nope". Its fields are id, name and rank.`},
		{`incident.?severty.name.orValue('x') == 'x'`, "severty", `unknown field "severty"`, `did you mean "severity"?`},
		{`local.urgncy['x'] == 1`, "urgncy", `unknown field "urgncy"`, `did you mean "urgency"?`},
		{`parent.tickt.id == 'x'`, "tickt", `unknown field "tickt"`, `did you mean "ticket"?`},
		{`ticket.stat == 1`, "stat", `unknown field "stat"`, `did you mean "state"?`},
		{`incident.nothing_like_it == 1`, "nothing_like_it", `unknown field "nothing_like_it"`, `created_at, creator`},
		{`incident.role_assignments.exists(r, r.assigne.name == 'x')`, "assigne", `unknown field "assigne"`, `r has no field "assigne"; did you mean "assignee"?`},
		{`inciden.name == 'x'`, "inciden", `unknown name "inciden"`, `Did you mean "incident"?`},
		{`severity.name == 'x'`, "severity", `unknown name "severity"`, `write incident.severity.`},
		{`incident.severity.name == Critical`, "Critical", `unknown name "Critical"`, `in single quotes: 'Critical'`},
		{`link.id == 'x'`, "link", `unknown name "link"`, `The names here are comment, incident, local, parent, state and ticket.`},
		{`incident.name == nil`, "nil", `unknown name "nil"`, `Write null.`},
		{`TRUE`, "TRUE", `unknown name "TRUE"`, `Write true.`},
		{`var.x == 'y'`, "var.x", `var is not known in expressions`, `write ${var.x}`},
		{`incident.name == package`, "package", `"package" is a reserved word`, `'package'`},
		{`incident.name.starsWith('x')`, "starsWith", `unknown function "starsWith"`, `Did you mean "startsWith"?`},
		{`math.foo(1) == 1`, "foo", `unknown function "math.foo"`, `Did you mean "math.floor"?`},
		{`len(incident.labels) > 1`, "len", `unknown function "len"`, `Write size(X).`},
		{`env('X') == 'y'`, "env", `unknown function "env"`, `${env(…)}`},
		{`incident.labels.exists(x)`, "exists", `unknown function "exists"`, `LIST.exists(x, CONDITION)`},
		{`incident.labels.exists('x', true)`, "'x'", `exists does not take this`, `LIST.exists(x, CONDITION)`},
		{`has(incident)`, "incident", `has does not take this`, `has(X.FIELD)`},
		{`incident{name: 'x'}`, "{", `unexpected "{"`, `{'name': VALUE}`},

		// Types
		{`incident.severity.rank == '3'`, "==", `cannot compare an int with a string`, `incident.severity.rank is an int: write 3 without quotes.`},
		{`ticket.state != '6'`, "!=", `cannot compare an int with a string`, `write 6 without quotes`},
		{`incident.name == 3`, "==", `cannot compare a string with an int`, `incident.name is a string: write '3' in quotes.`},
		{`incident.workload == 3`, "==", `cannot compare a double with an int`, `write 3.0`},
		{`incident.has_debrief == 'true'`, "==", `cannot compare a bool with a string`, `without quotes`},
		{`incident.severity == 'Critical'`, "==", `cannot compare an object with a string`, `its fields, which are id, name and rank`},
		{`incident.labels == 'a'`, "==", `cannot compare a list with a string`, `write 'a' in incident.labels.`},
		{`incident.created_at > '2026'`, ">", `cannot order a timestamp and a string`, `write timestamp('2006-01-02T15:04:05Z')`},
		{`incident.created_at > '2026-01-31'`, ">", `cannot order a timestamp and a string`, `write timestamp('2026-01-31T00:00:00Z')`},
		{`incident.created_at > timestamp('2026-01-31')`, "timestamp", `this always fails`, `as '2006-01-02T15:04:05Z'`},
		{`incident.created_at > '2026-01-31T08:00:00+01:00'`, ">", `cannot order a timestamp and a string`, `write timestamp('2026-01-31T08:00:00+01:00')`},
		{`incident.name + 1 == 'x'`, "+", `cannot add a string and an int`, `write string(1)`},
		{`incident.name - 1 == 1`, "-", `- does not work on a string and an int`, `takes two numbers`},
		{`'a' in incident.name`, "in", `cannot look for a string in a string`, `write incident.name.contains('a')`},
		{`1 in incident.labels`, "in", `cannot look for an int in a list`, `the type of the list's elements`},
		{`incident.severity['name'] == 'x'`, "['name']", `cannot take an element of an object by a string`, `with a dot`},
		{`incident.labels['x'] == 'x'`, "['x']", `cannot take an element of a list by a string`, `X[0]`},
		{`incident.custom_fields[1] == 'x'`, "[1]", `cannot take an element of a map by an int`, `X['name']`},
		{`incident.name ? true : false`, "?", `the condition before ? must be a bool, not a string`, `Compare it`},
		{`(state == 'x' ? 1 : 'x') == 1`, "?", `the branches of ?: are an int and a string`, `one type`},
		{`!incident.name`, "!", `! needs a bool, not a string`, `X != null`},
		{`incident.name && true`, "name", `expected a bool, not a string`, `incident.name == 'text'`},
		{`incident.name.startsWith(1)`, "startsWith", `startsWith of a string does not take an int`, `string.startsWith(string)`},
		{`incident.name.exists(x, x == 'a')`, "name", `cannot go through a string`, `a list or a map`},
		{`state.name == 'x'`, "name", `a string has no fields`, `state is a string`},
		{`lookup(local.mixed, 'x', 3) == 1`, "lookup", `lookup does not take an object, a string and an int`, `select it with a dot`},
		{`lookup(local.urgency, incident.severity.rank, 3) == 1`, "lookup", `lookup does not take a map, an int and an int`, `lookup(MAP, KEY, DEFAULT)`},
		{`incident.name`, "incident.name", `a condition must be a bool, not a string`, `X == 'text'`},
		{`  1 + 1`, "1 + 1", `a condition must be a bool, not an int`, `X >= 3`},
		{`'%d'.format(['x']) == 'x'`, "'x'", `the format does not fit its arguments`, `Decimal clause`},

		// Constants
		{`incident.name.matches('[')`, "'['", `invalid regular expression`, `RE2`},
		{`int('abc') == 1`, "int", `this always fails`, `'abc' cannot be made an int.`},
		{`99999999999999999999 == 1`, "99999999999999999999", `the number is too big`, `64 bits`},

		// Syntax
		{`incident.visibility = 'x'`, "=", `"=" is not an operator`, `To compare, write ==.`},
		{`incident.name === 'x'`, "===", `"===" is not an operator`, `Write ==.`},
		{`incident.severity.rank => 2`, "=>", `"=>" is not an operator`, `Write >=.`},
		{`incident.name <> 'x'`, "<>", `unexpected "<>"`, `Write !=`},
		{`incident.name & 'x'`, "&", `"&" is not an operator`, `Write &&.`},
		{`incident.name == 'x' or true`, "or", `unexpected "or"`, `Write || for or.`},
		{`not incident.has_debrief`, "not", `unexpected "not"`, `Write ! for not.`},
		{`incident.name is null`, "is", `unexpected "is"`, `Write == for is.`},
		{`incident.name == "abc`, `"abc`, `the text is not closed`, `Its closing " is missing.`},
		{`incident.name == '''abc`, `'''abc`, `the text is not closed`, `Its closing ''' is missing.`},
		{"incident.name == 'a\nb'", `'a`, `a line break within a text`, `\n`},
		{`incident.name == 'it's'`, "s", `unexpected "s"`, `The text before it has ended.`},
		{`incident.name == '\d'`, `\d`, `unknown escape sequence \d`, `r'…'`},
		{`incident.name == ‘x’`, "‘", `‘ is not a quote`, `straight single quotes`},
		{`incident.name ==`, "==", `the expression ends too early`, `After == something is missing`},
		{`incident.`, ".", `the expression ends too early`, `the name of a field`},
		{`state == 'x' ? 'a'`, "'a'", `the expression ends too early`, `CONDITION ? A : B`},
		{`(incident.name == 'x'`, "(", `"(" is not closed`, `")"`},
		{`incident.name in ['a', 'b'`, "[", `"[" is not closed`, `"]"`},
		{`incident.name == 'x')`, ")", `unexpected ")"`, `no "("`},
		{`incident.name == 'x' state`, "state", `unexpected "state"`, `Between 'x' and state an operator is missing`},
		{`{{ incident.name == 'x' }}`, "{{", `{{ }} within an expression`, `without {{ and }}`},
		{`incident.name == #`, "#", `unexpected "#"`, `//`},
		{`$x`, "$", `unexpected "$"`, `HCL`},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			text := exprText(t, tt.expr)
			_, diags := env.Condition(text)
			if len(diags) != 1 {
				t.Fatalf("%d diagnostics: %v", len(diags), diags)
			}
			d := diags[0]
			at := string(d.Subject.SliceBytes(text.file))
			if d.Severity != hcl.DiagError || at != tt.at || d.Summary != tt.summary || !strings.Contains(d.Detail, tt.detail) {
				t.Errorf("%q: %s; %s\nwant %q: %s; …%s…", at, d.Summary, d.Detail, tt.at, tt.summary, tt.detail)
			}
		})
	}
}

func TestSeveralErrors(t *testing.T) {
	text := exprText(t, `incident.name == 'a' || incident.severty == null || incidnt.x`)
	_, diags := testEnv(t).Condition(text)
	if len(diags) != 2 || diags[0].Subject.Start.Byte >= diags[1].Subject.Start.Byte {
		t.Errorf("%v", diags)
	}
}

func TestUnlistedField(t *testing.T) {
	env := testEnv(t)
	for expr, warns := range map[string]bool{
		`ticket.completely_other == 'x'`:      true,
		`has(ticket.completely_other)`:        true,
		`ticket.u_team == 'x'`:                false,
		`ticket.x_vendor_field == null`:       false,
		`ticket.state == 6`:                   false,
		`ticket.id == '' || ticket.url == ''`: false,
	} {
		c, diags := env.Condition(exprText(t, expr))
		if c == nil || diags.HasErrors() || (len(diags) == 1) != warns {
			t.Errorf("%s: %v", expr, diags)
			continue
		}
		if warns && (diags[0].Severity != hcl.DiagWarning || diags[0].Summary != `unknown field "completely_other"`) {
			t.Errorf("%s: %v", expr, diags)
		}
	}
}

func TestEmptyCondition(t *testing.T) {
	for _, src := range []string{`when = ""`, `when = "  "`} {
		_, diags := testEnv(t).Condition(parseText(t, src))
		if len(diags) != 1 || diags[0].Summary != "empty condition" {
			t.Errorf("%s: %v", src, diags)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"severity", "name", "incident_type", "short_description", "id"}
	for name, want := range map[string]string{
		"severty": "severity", "Severity": "severity", "nmae": "name", "incidentType": "incident_type",
		"shortdescription": "short_description", "shrot_descripton": "short_description", "nope": "", "x": "", "u_team": "",
		"completely_other": "", "idd": "id",
	} {
		if got := nearest.Name(name, known); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
