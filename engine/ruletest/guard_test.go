package ruletest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzGuard holds that guards change nothing of a script but that there is one
// before each line, and that they can be taken out again.
func FuzzGuard(f *testing.F) {
	for _, s := range []string{
		"create a.json\n-- a.json --\n{}\n", "# only\n\n[unix] ! exec x &\n", "cp '../x' y", "-- ../x --\n", "-- a --\n-- $WORK/b --\n", "a\r\n'b\n", "> lockstep-guard x\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		g, err := guardScript(script, true)
		if err != nil {
			return // txtar cannot read it
		}
		before, after := txtar.Parse(script), txtar.Parse(g.text)
		if !bytes.Equal(g.restored(g.text), txtar.Format(before)) {
			t.Fatalf("%q is restored as %q", script, g.restored(g.text))
		}
		was, now := strings.Split(strings.TrimSuffix(string(before.Comment), "\n"), "\n"), strings.Split(strings.TrimSuffix(string(after.Comment), "\n"), "\n")
		if len(before.Comment) == 0 {
			return
		}
		if len(now) != 2*len(was) {
			t.Fatalf("%d lines are %d: %q", len(was), len(now), g.text)
		}
		for i, line := range was {
			if now[2*i+1] != line || originalLine(2*i+2) != i+1 || originalLine(2*i+1) != i+1 {
				t.Errorf("line %d: %q is %q", i, line, now[2*i+1])
			}
			if now[2*i] != "" && now[2*i] != guardName+" "+strings.TrimRight(line, "\r") {
				t.Errorf("line %d: %q is guarded by %q", i, line, now[2*i])
			}
		}
		if _, err := guardScript(script, false); err == nil {
			for _, file := range before.Files {
				if strings.HasPrefix(file.Name, "/") || strings.HasPrefix(file.Name, "../") {
					t.Errorf("%q is let through", file.Name)
				}
			}
		}
	})
}
