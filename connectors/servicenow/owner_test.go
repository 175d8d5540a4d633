package servicenow_test

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// TestFindByKeyTellsWhoCreated: a key can be written by anybody, and who created
// a row is compared with the user whom the instance knows by these credentials.
func TestFindByKeyTellsWhoCreated(t *testing.T) {
	typed := basic()
	name := "IncidentIO.Sync" // as somebody typed it; rows spell it as the instance has it
	typed.Username = &name
	for what, test := range map[string]struct {
		settings *servicenow.Settings
		mute     bool // the instance runs no script in a query
		foreign  [2]bool
	}{
		"basic":                          {basic(), false, [2]bool{false, true}},
		"a user name in another case":    {typed, false, [2]bool{false, true}},
		"OAuth, whose user nobody wrote": {oauth(), false, [2]bool{false, true}},
		"no script, a user name":         {typed, true, [2]bool{false, true}},
		"no script, OAuth":               {oauth(), true, [2]bool{true, true}},
	} {
		t.Run(what, func(t *testing.T) {
			server := servicenowtest.New(options())
			trip := server.RoundTripper()
			if test.mute {
				trip = edit{trip, func(q map[string][]string) {
					if query := q["sysparm_query"]; len(query) > 0 && strings.Contains(query[0], "javascript:") {
						q["sysparm_query"] = []string{"user_name=nobody"}
					}
				}}
			}
			c := connect(t, trip, test.settings)
			ours := create(t, c, "k", nil)
			id, err := server.Open("incident", "admin", servicenowtest.Row{"short_description": "x", "correlation_id": "k"})
			if err != nil {
				t.Fatal(err)
			}
			found, err := c.FindByKey(t.Context(), incidents, "k")
			if err != nil || len(found) != 2 {
				t.Fatalf("found %d, %v", len(found), err)
			}
			by := map[connectors.Ref]connectors.Record{}
			for _, r := range found {
				by[r.Ref] = r
			}
			own, planted := by[ours.Ref], by[incidents.Ref(id)]
			if own.Foreign != test.foreign[0] || planted.Foreign != test.foreign[1] {
				t.Errorf("ours is foreign: %t, the other's: %t; want %v", own.Foreign, planted.Foreign, test.foreign)
			}
			if own.CreatedBy != servicenowtest.DefaultUsername || planted.CreatedBy != "admin" {
				t.Errorf("created by %q and %q", own.CreatedBy, planted.CreatedBy)
			}
		})
	}
}

// TestProbeSaysWhoTheyAre: the instance, and the user by an id that never changes.
func TestProbeSaysWhoTheyAre(t *testing.T) {
	server := servicenowtest.New(options())
	typed := basic()
	name := "IncidentIO.Sync"
	typed.Username = &name
	var users []string
	for _, settings := range []*servicenow.Settings{basic(), typed, oauth()} {
		is, err := connect(t, server.RoundTripper(), settings).Probe(t.Context())
		if err != nil || is.Account == "" || strings.Contains(is.Account, "/") || len(is.User) != 32 {
			t.Errorf("%+v, %v", is, err)
		}
		users = append(users, is.User)
	}
	if users[0] != users[1] || users[0] != users[2] {
		t.Errorf("users %v", users)
	}
	server.DenyReads("sys_user", true)
	if is, err := connect(t, server.RoundTripper(), basic()).Probe(t.Context()); err != nil || is.User != "" || is.Account == "" {
		t.Errorf("of one who may not read users: %+v, %v", is, err)
	}
}
