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
