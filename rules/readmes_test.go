package rules

import (
	"os"
	"path/filepath"
	"testing"
)

// TestEveryReadme holds every snippet of every README to the canonical style,
// and loads those that are configurations: what people copy is right.
func TestEveryReadme(t *testing.T) {
	var readmes []string
	for _, pattern := range []string{"../README.md", "../connectors/*/README.md", "../examples/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		readmes = append(readmes, found...)
	}
	snippets := 0
	for _, readme := range readmes {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range snippet.FindAllStringSubmatch(string(text), -1) {
			snippets++
			formatted, found := Format([]byte(m[1]), readme)
			if len(found) > 0 {
				t.Fatalf("%s: %s\n%s", readme, m[1], textOf(found))
			}
			if string(formatted) != m[1] {
				t.Errorf("%s: not in canonical style:\n%swant:\n%s", readme, m[1], formatted)
			}
			if set, found := Load(t.Context(), write(t, "main.hcl", m[1]), Options{Systems: realSystems(), Offline: true}); set == nil {
				t.Errorf("%s: %s", readme, textOf(found))
			}
		}
	}
	if snippets < 4 { // the first configuration, and a block for each system
		t.Errorf("%d snippets: are there some that the test does not see?", snippets)
	}
}
