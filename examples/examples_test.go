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
		set, found := rules.Load(t.Context(), dir, rules.Options{
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

// What ServiceNow asks for when a ticket is closed is there for an incident that is
// gone, of which nothing is known: the examples survive on_delete = "close".
func TestExamplesSurviveADeletion(t *testing.T) {
	files, err := filepath.Glob("*/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range slices.Compact(dirsOf(files)) {
		set, _ := rules.Load(t.Context(), dir, rules.Options{
			Systems: []connectors.System{incidentio.System(), servicenow.System(), jira.System()}, Offline: true,
		})
		for _, route := range set.Routes {
			for name, template := range set.Templates {
				if template.State == nil || template.State.Table == nil || template.Target.Type != servicenow.Type || template.State.Direction == rules.Inbound {
					continue
				}
				states := template.State.Table.States
				d := set.Decide(route.Name, rules.Input{
					Record: connectors.Record{Ref: route.Source.Ref("gone")}, Linked: name, State: states[len(states)-1].Label,
				})
				for _, v := range d.Values {
					if (v.Field == "close_code" || v.Field == "close_notes") && (v.Err != nil || v.Value == nil) {
						t.Errorf("%s: route %s, template %s: %s is %v: %v", dir, route.Name, name, v.Field, v.Value, v.Err)
					}
				}
			}
		}
	}
}

func dirsOf(files []string) []string {
	var dirs []string
	for _, file := range files {
		dirs = append(dirs, filepath.Dir(file))
	}
	return dirs
}

// The incident beside the example shows what the example is for: a ticket.
func TestIncidentioServiceNowIncident(t *testing.T) {
	body, err := os.ReadFile("incidentio-servicenow/incident.json")
	if err != nil {
		t.Fatal(err)
	}
	set, found := rules.Load(t.Context(), "incidentio-servicenow", rules.Options{
		Systems: []connectors.System{incidentio.System(), servicenow.System()}, Offline: true,
	})
	if set == nil {
		t.Fatal(found)
	}
	source := set.Routes[0].Source
	record, err := set.Connectors[source.Connector].System.Decode(source, body)
	if err != nil {
		t.Fatal(err)
	}
	d := set.Decide(set.Routes[0].Name, rules.Input{Record: record})
	if d.Template != "security" || d.Action != rules.Create {
		t.Errorf("template %q, action %s", d.Template, d.Action)
	}
	for _, v := range d.Values {
		if v.Err != nil {
			t.Errorf("%s: %s", v.Field, v.Err)
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
