package expr

import (
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
)

// fixedEnv is one whose locals are known.
func fixedEnv(t testing.TB) *Env {
	t.Helper()
	fixed := locals()
	fixed["zone"], fixed["mode"], fixed["none"], fixed["unknown"] = "Mars/Utopia", "standrd", []any{}, nil
	nested := map[string]Variable{"unknown": {}}
	for name, v := range fixed {
		switch v := v.(type) {
		case string:
			nested[name] = Variable{Type: kind(connectors.String)}
		case []any:
			nested[name] = Variable{Type: connectors.ListOf(kind(connectors.String))}
		case map[string]any:
			of := kind(connectors.String)
			for _, entry := range v {
				if _, number := entry.(int64); number {
					of = kind(connectors.Int)
				}
			}
			nested[name] = Variable{Type: connectors.MapOf(of)}
		}
	}
	env, err := testLanguage(t).Env([]Variable{
		{Name: "incident", Schema: incidentSchema()},
		{Name: "local", Nested: nested, Fixed: fixed},
	})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// TestFailingConstants: what fails whatever the record is, is an error where it stands.
func TestFailingConstants(t *testing.T) {
	env := fixedEnv(t)
	for cel, want := range map[string]string{
		"1 / 0":                               "Division by zero.",
		"'a' + string(1 / 0 + 2)":             "Division by zero.",
		"[1, 2][3]":                           "The index is out of range.",
		"{'a': 1}['b']":                       "There is no such key.",
		"int('abc') + incident.severity.rank": "'abc' cannot be made an int.",
		"incident.name == 'x' ? duration('3 weeks') : null":         "'3 weeks' cannot be made a duration. Write it in hours, minutes and seconds, as '24h' or '1h30m'.",
		"timestamp('2026-01-02T03:04:05Z').getHours('Mars/Utopia')": "'Mars/Utopia' is not a known time zone. Write one of the IANA database, as 'Europe/Berlin', or an offset, as '+01:00'.",
		"optional.none().value()":                                   "value: the optional value is not there.",
		"null < 3":                                                  "< does not work on null and an int.",
		"false && 1 / 0 == 1":                                       "",
		"true ? 1 : 1 / 0":                                          "",
		"timestamp('2026-01-02T03:04:05Z').getHours('+02:00')":      "",
		"[1, 2].map(x, x / 0)":                                      "Division by zero.",
		// What a call is made on does not matter where its arguments alone make it fail.
		"incident.severity.rank / 0":                         "Division by zero.",
		"incident.severity.rank % 0":                         "Modulus by zero.",
		"incident.name.substring(-1)":                        "substring: the index is out of range.",
		"incident.name.substring(5, 2)":                      "substring: invalid substring range. start: 5, end: 2.",
		"incident.name.charAt(-1)":                           "charAt: the index is out of range.",
		"incident.name.substring(5)":                         "",
		"incident.name.split('-')[-1]":                       "The index is out of range.",
		"incident.name.split('-')[1]":                        "",
		"incident.created_at.getHours('Europe/Berln')":       "'Europe/Berln' is not a known time zone. Write one of the IANA database, as 'Europe/Berlin', or an offset, as '+01:00'.",
		"regex.extract(incident.name, '([').orValue('')":     "The pattern is not in RE2's syntax: missing closing ], \"[\". In a quoted HCL string, each backslash is written twice; a raw string, r'…', saves CEL's own doubling.",
		"regex.replace(incident.name, 'x{2', r'\\1')":        "The replacement names group 1, and the pattern has 0.",
		"regex.replace(incident.name, '(x)', r'\\1')":        "",
		"regex.replace(incident.name, 'x', r'\\y')":          "In the replacement, \\ is followed by neither a digit nor another \\.",
		"regex.replace(incident.name, 'x', 'y' + r'\\')":     "The replacement ends with a single \\. Write \\\\ for the character itself, or \\1 for what the first group matched.",
		"incident.name.matches(true ? 'a(' : 'b')":           "The pattern is not in RE2's syntax: missing closing ), \"a(\". In a quoted HCL string, each backslash is written twice; a raw string, r'…', saves CEL's own doubling.",
		"regex.extract(incident.name, '(a)(b)').orValue('')": "regex.extract takes a pattern with at most one group in parentheses, and this has 2. Write (?:…) for those that are not to be extracted.",
		"[1, 2].exists(x, x == int('q'))":                    "'q' cannot be made an int.",
		"cel.bind(x, 1, x / 0)":                              "Division by zero.",
		"local.zone + string(1 / 0)":                         "Division by zero.",
		"incident.created_at.getHours(local.zone)":           "'Mars/Utopia' is not a known time zone. Write one of the IANA database, as 'Europe/Berlin', or an offset, as '+01:00'.",
		"timestamp(local.zone)":                              "\"Mars/Utopia\" cannot be made a timestamp. Write the time in full, as '2006-01-02T15:04:05Z'.",
		"local.urgency['Critcal']":                           "local.urgency['Critcal']: there is no such key.",
		"local.urgency[?'Critcal'].orValue(3)":               "",
		"local.urgency[incident.severity.name]":              "",
		"local.unknown / 0":                                  "",
		"int(-3.5) + int('-x')":                              "'-x' cannot be made an int.",
	} {
		_, diags := env.Template(textAt("{{ " + cel + " }}"))
		got := ""
		if len(diags) > 0 {
			got = diags[0].Detail
		}
		if got != want || len(diags) > 1 {
			t.Errorf("%s: got %q, want %q", cel, got, want)
		}
	}
}
