package examples_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/examples"
	"github.com/lockstep-sync/lockstep/rules"
)

// Every directory here that holds HCL is a configuration that people copy: it
// loads without an error or a warning and is in canonical style.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("*/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	var dirs []string
	for _, file := range files {
		dirs = append(dirs, filepath.Dir(file))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if canonical, found := rules.Format(text, file); found.HasErrors() || string(canonical) != string(text) {
			t.Errorf("%s is not in canonical style", file)
		}
	}
	for _, dir := range slices.Compact(dirs) {
		set, found := rules.Load(dir, rules.Options{
			Systems: []connectors.System{incidentio.System(), servicenow.System(), jira.System()},
			Offline: true,
		})
		if set == nil || len(found) > 0 {
			var b strings.Builder
			found.WriteText(&b, false)
			t.Errorf("%s:\n%s", dir, &b)
		}
	}
}

func TestIncidentioServiceNowIsEmbedded(t *testing.T) {
	files, err := examples.IncidentioServiceNow()
	if err != nil {
		t.Fatal(err)
	}
	onDisk, err := filepath.Glob("incidentio-servicenow/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := fs.Glob(files, "*.hcl")
	if err != nil || len(embedded) == 0 || len(embedded) != len(onDisk) {
		t.Errorf("embedded %v, %v; on disk %v", embedded, err, onDisk)
	}
}
