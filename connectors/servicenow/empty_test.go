package servicenow_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// TestEmptyValues: an empty value of any column is taken at creation, and clears
// it afterwards, in the form that the API's description has.
func TestEmptyValues(t *testing.T) {
	server := servicenowtest.New(options())
	c := connect(t, newJudge(t, server.RoundTripper()), basic())
	schema, _ := servicenow.System().Schema(incidents.Record)
	for _, name := range slices.Sorted(maps.Keys(schema.Fields)) {
		field := schema.Fields[name]
		if field.Write == connectors.ReadOnly || name == "correlation_id" || name == "correlation_display" || name == "active" {
			continue // the state decides whether it is active
		}
		values := []any{"", " \n "}
		if field.Type.Kind == connectors.List {
			values = append(values, []any{}, []any{" "})
		}
		for _, empty := range values {
			resolved, failed, err := c.Resolve(t.Context(), "incident", map[string]any{name: empty})
			if err != nil || len(failed) > 0 {
				t.Errorf("%s %q: %v, %v", name, empty, failed, err)
				continue
			}
			if resolved[name] != "" {
				t.Errorf("%s %q is resolved to %v", name, empty, resolved[name])
			}
			record := create(t, c, "k", resolved)
			answer, err := c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "w2", Fields: resolved})
			if err != nil {
				wantClass(t, err, connectors.ClassRejected) // what a record cannot be without
			} else if have := answer.Fields[name]; !c.Same("incident", name, "", have) {
				t.Errorf("%s %q reads %v", name, empty, have)
			}
		}
	}
}
