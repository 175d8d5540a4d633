package jira_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRenamed: what is renamed while the connector runs is found by its new name as
// soon as somebody asks for that, or a record shows it.
func TestRenamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := site(t)
		record := create(t, c, key, map[string]any{"custom_fields/Ticket": "INC-1", "custom_fields/Story Points": 3})
		update(t, c, record.Ref, "ls-2", map[string]any{"status": "In Progress"})
		time.Sleep(2 * time.Minute)
		server.RenameField("customfield_10024", "Reference")
		server.RenameStatus("ENG", "Cancelled", "Dropped")
		update(t, c, record.Ref, "ls-3", map[string]any{"custom_fields/Reference": "INC-2"})
		if answer := update(t, c, record.Ref, "ls-4", map[string]any{"status": "Dropped"}); answer.Fields["status"] != "Dropped" {
			t.Errorf("status %v", answer.Fields["status"])
		}
		server.RenameField("customfield_10016", "Points")
		read := must(c.Read(t.Context(), record.Ref))(t)
		shown, _ := read.Fields["custom_fields"].(map[string]any)
		if shown["Points"] != int64(3) || shown["Reference"] != "INC-2" {
			t.Errorf("it shows %v", shown)
		}
		n := server.Count("GET", "/field")
		resolved(t, c, map[string]any{"custom_fields/Points": 5})
		if server.Count("GET", "/field") != n+1 {
			t.Error("the fields are not asked for again")
		}
	})
}
