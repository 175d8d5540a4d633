package expr

import "testing"

// TestFailingConstants: what fails whatever the record is, is an error where it stands.
func TestFailingConstants(t *testing.T) {
	env := testEnv(t)
	for cel, want := range map[string]string{
		"1 / 0":                               "Division by zero.",
		"'a' + string(1 / 0 + 2)":             "Division by zero.",
		"[1, 2][3]":                           "The index is out of range.",
		"{'a': 1}['b']":                       "There is no such key.",
		"int('abc') + incident.severity.rank": "'abc' cannot be made an int.",
		"incident.name == 'x' ? duration('3 weeks') : null":         "'3 weeks' cannot be made a duration.",
		"timestamp('2026-01-02T03:04:05Z').getHours('Mars/Utopia')": "'Mars/Utopia' is not a known time zone. Write one of the IANA database, as 'Europe/Berlin', or an offset, as '+01:00'.",
		"optional.none().value()":                                   "Value: the optional value is not there.",
		"null < 3":                                                  "< does not work on null and an int.",
		"false && 1 / 0 == 1":                                       "",
		"true ? 1 : 1 / 0":                                          "",
		"timestamp('2026-01-02T03:04:05Z').getHours('+02:00')":      "",
		"[1, 2].map(x, x / 0)":                                      "", // nobody says how often it runs
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
