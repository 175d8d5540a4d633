package incidentio_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

// TestEmptyValues: an empty value of any field is refused before it is sent, or
// clears the field in the form that the API's description has.
func TestEmptyValues(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	follow, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "a"})
	if err != nil {
		t.Fatal(err)
	}
	cannotBeEmpty := map[string][]string{
		"incident":  {"name", "severity", "status"},
		"follow_up": {"title", "priority", "status"},
	}
	entries := []string{"custom_fields/Affected Team", "custom_fields/Regions", "custom_fields/ServiceNow ticket", "custom_fields/Runbook", "roles/Incident Lead", "timestamps/Fixed at"}
	for _, ref := range []connectors.Ref{incidents.Ref(made.ID), followUps.Ref(follow.ID)} {
		schema, _ := incidentio.System().Schema(ref.Record)
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(schema.Fields)), func(name string) bool {
			return schema.Fields[name].Write != connectors.Always || schema.Fields[name].Type.Kind == connectors.Map
		})
		if ref.Record == "incident" {
			names = append(names, entries...)
		}
		for _, name := range names {
			for _, empty := range []any{"", " \n ", []any{}} {
				resolved, failed, err := c.Resolve(t.Context(), ref.Record, map[string]any{name: empty})
				if err != nil {
					t.Fatal(err)
				}
				_, isList := empty.([]any)
				if failed[name] != nil {
					if !isList && !slices.Contains(cannotBeEmpty[ref.Record], name) {
						t.Errorf("%s %s %q: %v", ref.Record, name, empty, failed[name])
					}
					continue
				}
				if slices.Contains(cannotBeEmpty[ref.Record], name) {
					t.Errorf("%s %s %q was taken", ref.Record, name, empty)
				}
				answer, err := c.Update(t.Context(), connectors.Change{Ref: ref, Stamp: "s", Fields: resolved})
				if err != nil {
					t.Errorf("%s %s %q: %v", ref.Record, name, empty, err)
				} else if have := fieldAt(answer.Fields, name); !c.Same(ref.Record, name, resolved[name], have) {
					t.Errorf("%s %s %q reads %v", ref.Record, name, empty, have)
				}
			}
		}
	}
}
