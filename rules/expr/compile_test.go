package expr

import "testing"

// TestCompiledOnce: what is written in many places is compiled once, and what is wrong
// is where it is written.
func TestCompiledOnce(t *testing.T) {
	env := testEnv(t)
	const cel = "incident.custom_fields['Team'] + incident.name"
	first, diags := env.Condition(textAt(cel + " == 'x'"))
	if first == nil {
		t.Fatal(diags)
	}
	a, _ := env.Template(textAt("{{ " + cel + " }}"))
	b, _ := env.Template(textAt("12345 {{ " + cel + " }}"))
	if a.programs[0].compiled != b.programs[0].compiled || a.programs[0].compiled == first.program.compiled {
		t.Error("an expression is compiled twice, or another one not at all")
	}
	if a.programs[0].from == b.programs[0].from {
		t.Error("both are in one place")
	}
	if got, want := b.programs[0].span(0, 1).Start.Column-a.programs[0].span(0, 1).Start.Column, len("12345 "); got != want {
		t.Errorf("the second is %d columns after the first, want %d", got, want)
	}
}
