package rules

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var snippet = regexp.MustCompile("(?ms)^```hcl\n(.*?)^```$")

// TestReadme loads the snippets of the README as one configuration, and holds
// each of them to the canonical style.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, m := range snippet.FindAllStringSubmatch(string(readme), -1) {
		all.WriteString(m[1] + "\n")
		formatted, found := Format([]byte(m[1]), "README.md")
		if len(found) > 0 {
			t.Fatalf("%s\n%s", m[1], textOf(found))
		}
		if string(formatted) != m[1] {
			t.Errorf("not in canonical style:\n%swant:\n%s", m[1], formatted)
		}
	}
	set, found := Load(t.Context(), write(t, "main.hcl", all.String()), Options{Systems: realSystems(), Offline: true})
	if len(found) > 0 {
		t.Fatal(textOf(found))
	}
	const least = 6
	if len(set.Templates) < least {
		t.Errorf("%d templates: are there snippets that the test does not see?", len(set.Templates))
	}
}
