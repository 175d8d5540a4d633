package examples_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/engine/ruletest"
	"github.com/lockstep-sync/lockstep/rules"
)

// Every example has rule tests, and they hold.
func TestExamplesTests(t *testing.T) {
	files, err := filepath.Glob("*/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	var dirs []string
	for _, file := range files {
		dirs = append(dirs, filepath.Dir(file))
	}
	for _, dir := range slices.Compact(dirs) {
		t.Run(dir, func(t *testing.T) {
			set, found := rules.Load(t.Context(), dir, rules.Options{
				Systems: []connectors.System{incidentio.System(), servicenow.System(), jira.System()}, Offline: true,
			})
			if set == nil {
				t.Fatal(found)
			}
			tests, err := ruletest.Files(dir, nil)
			if err != nil || len(tests) == 0 {
				t.Fatalf("it has no tests: %v", err)
			}
			results, err := ruletest.Run(t.Context(), ruletest.Options{Set: set, Files: tests})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if r.Status != ruletest.Passed {
					t.Errorf("%s: %s: %s\n%s", r.Where(), r.Status, r.Command, r.Message)
				}
			}
		})
	}
}

// The story of rules/README.md holds on the example that it is about.
func TestReadmeStory(t *testing.T) {
	readme, err := os.ReadFile("../rules/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, story, found := strings.Cut(string(readme), "```\n# tests/critical.txtar")
	story, _, ended := strings.Cut(story, "```")
	if !found || !ended {
		t.Fatal("the story is not in the README any more")
	}
	file := filepath.Join(t.TempDir(), "critical.txtar")
	if err := os.WriteFile(file, []byte("#"+story), 0o600); err != nil {
		t.Fatal(err)
	}
	set, diagnostics := rules.Load(t.Context(), "incidentio-servicenow", rules.Options{
		Systems: []connectors.System{incidentio.System(), servicenow.System(), jira.System()}, Offline: true,
	})
	if set == nil {
		t.Fatal(diagnostics)
	}
	results, err := ruletest.Run(t.Context(), ruletest.Options{Set: set, Files: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	if r := results[0]; r.Status != ruletest.Passed {
		t.Errorf("%s: %s\n%s", r.Where(), r.Command, r.Message)
	}
}
