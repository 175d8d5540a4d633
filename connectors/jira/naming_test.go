package jira_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
)

func TestFindByName(t *testing.T) {
	server, c := site(t)
	key := must(server.Open("ENG", "acc-ann", nil))(t)
	id := must(c.Read(t.Context(), issues.Ref(key)))(t).Ref
	moved := must(server.MoveTo(key, "acc-ann", "OPS"))(t)
	if key == moved {
		t.Fatalf("the key is still %s", key)
	}
	for name, want := range map[string][]connectors.Ref{
		key: {id}, moved: {id}, "ops-1": {id}, id.ID: {id}, "OPS-99": nil, "OPS": nil, "OPS-1/comment": nil,
		jiratest.DefaultURL + "/browse/" + moved:                                              {id},
		jiratest.DefaultURL + "/browse/" + key + "?focusedId=1#c":                             {id},
		jiratest.DefaultURL + "/jira/software/c/projects/OPS/boards/1?selectedIssue=" + moved: {id},
		jiratest.DefaultURL + "/jira/servicedesk/projects/OPS/queues/custom/1/" + moved:       {id},
		jiratest.DefaultURL + "/browse/":                                                      nil,
		jiratest.DefaultURL + "/" + moved:                                                     nil,
		"https://elsewhere.atlassian.net/browse/" + moved:                                     nil,
	} {
		found, err := c.FindByName(t.Context(), name, []connectors.Collection{issues})
		var got []connectors.Ref
		for _, record := range found {
			got = append(got, record.Ref)
			if record.Number != moved {
				t.Errorf("%s is called %s, want %s", name, record.Number, moved)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got): %v\n%s", name, err, diff)
		}
	}
}

// TestAnIssueThatMoves to another project keeps its id and goes on being written under
// it; what people call it changes.
func TestAnIssueThatMoves(t *testing.T) {
	server, c := site(t)
	record := must(c.Create(t.Context(), connectors.Draft{Collection: issues, Key: "lockstep-k", Stamp: "ls-1", Fields: map[string]any{"project": "ENG", "issuetype": "Bug", "summary": "Down"}}))(t)
	moved := must(server.MoveTo(record.Number, "acc-ann", "OPS"))(t)
	now := must(c.Read(t.Context(), record.Ref))(t)
	if now.Number != moved || now.URL == record.URL || now.Version == record.Version || now.Key != "lockstep-k" {
		t.Errorf("read %+v", now)
	}
	written := must(c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "ls-2", Fields: map[string]any{"summary": "Still down", "status": "In Progress"}}))(t)
	if written.Number != moved || written.Fields["summary"] != "Still down" || written.Fields["status"] != "In Progress" || written.Stamp != "ls-2" {
		t.Errorf("written %+v", written)
	}
	found := must(c.FindByKey(t.Context(), issues, "lockstep-k"))(t)
	if len(found) != 1 || found[0].Ref != record.Ref {
		t.Errorf("by its key: %+v", found)
	}
}
