package incidentio_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

func TestFindByName(t *testing.T) {
	server, c := start(t, incidentiotest.Options{DashboardURL: "https://app.incident.io/acme"})
	first, second := create(t, server), create(t, server, incidentiotest.SetVisibility("private"))
	follow, err := server.AddFollowUp(first.ID, incidentiotest.FollowUp{Title: "Tidy up"})
	if err != nil {
		t.Fatal(err)
	}
	both := []connectors.Collection{incidents, followUps}
	one, two, three := incidents.Ref(first.ID), incidents.Ref(second.ID), followUps.Ref(follow.ID)
	for name, want := range map[string][]connectors.Ref{
		"INC-1": {one}, "inc-1": {one}, "INC-01": {one}, "INC-2": {two}, "INC-3": nil, "ENG-1": nil, "1": nil, "INC-": nil,
		first.ID: {one}, follow.ID: {three},
		"https://app.incident.io/incidents/1":                               {one},
		"https://app.incident.io/acme/incidents/1":                          {one},
		"https://app.incident.io/acme/incidents/1/?tab=updates#top":         {one},
		"https://app.incident.io/acme/incidents/1/post-mortems/" + first.ID: {one},
		"https://app.incident.io/acme/incidents/" + first.ID:                {one},
		"https://app.incident.io/globex/incidents/1":                        nil, // another account's
		"https://incident.io.example/acme/incidents/1":                      nil,
		"https://app.incident.io/acme/follow-ups/" + follow.ID:              {three},
		"https://app.incident.io/acme/incidents/1/follow-ups/" + follow.ID:  {three},
		"https://app.incident.io/acme/incidents/1/follow-ups/not-an-id":     nil,
		"https://app.incident.io/acme/incidents":                            nil,
		"https://app.incident.io/acme/incidents/../../v2/incidents/1":       nil,
	} {
		found, err := c.FindByName(t.Context(), name, both)
		var got []connectors.Ref
		for _, record := range found {
			got = append(got, record.Ref)
			if record.Private != (record.Ref == two) {
				t.Errorf("%s: private is %t", name, record.Private)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got): %v\n%s", name, err, diff)
		}
	}
	if found, err := c.FindByName(t.Context(), "INC-1", []connectors.Collection{followUps}); len(found) > 0 || err != nil {
		t.Errorf("an incident among follow-ups: %v, %v", found, err)
	}
}
