package incidentio_test

import (
	"slices"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

func inStatus(name, category string) connectors.Record {
	return connectors.Record{Ref: incidents.Ref("I1"), Fields: map[string]any{
		"incident_status": map[string]any{"name": name, "category": category},
	}}
}

func TestCanTransition(t *testing.T) {
	_, c := start(t, incidentiotest.Options{})
	categories := []string{"triage", "live", "learning", "paused", "closed", "declined", "canceled", "merged"}
	allowed := map[string][]string{
		"triage":   {"triage", "learning", "closed"},
		"live":     {"live", "learning", "closed"},
		"paused":   {"paused", "learning", "closed"},
		"learning": {"learning", "closed"},
		"closed":   {"closed"},
		"declined": {"declined"},
		"canceled": {"canceled"},
		"merged":   {"merged"},
		"new":      categories, // a category that the vendor added
		"":         categories,
	}
	for from, want := range allowed {
		for _, to := range categories {
			if got := c.CanTransition(inStatus("S", from), "category:"+to); got != slices.Contains(want, to) {
				t.Errorf("%s to %s: %t", from, to, got)
			}
		}
		if from != "" && !slices.Contains([]string{"closed", "declined", "canceled", "merged"}, from) && !c.CanTransition(inStatus("S", from), "category:added later") {
			t.Errorf("%s to a category that is not known is not tried", from)
		}
	}
}

// TestCanTransitionByName: which category a status has, the lists that were read say.
func TestCanTransitionByName(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	closed := inStatus("Closed", "closed")
	if !c.CanTransition(closed, "Fixing") {
		t.Error("a status that is not known yet is not left to the API")
	}
	if n := server.Count("", ""); n != 0 {
		t.Errorf("%d requests", n)
	}
	resolveOne(t, c, "incident", "incident_status.name", "Fixing")
	server.ResetRequests()
	for _, test := range []struct {
		from connectors.Record
		to   string
		want bool
	}{
		{closed, "Fixing", false},
		{closed, "Closed", true},
		{inStatus("Shut", "closed"), "Shut", true},
		{inStatus("Investigating", "live"), "Fixing", true},
		{inStatus("Investigating", "live"), "Reviewing", true},
		{inStatus("Reviewing", "learning"), "Fixing", false},
		{inStatus("Reviewing", "learning"), "Documenting", true},
		{inStatus("Fixing", "live"), "Declined", false},
		{closed, "Nonsense", true},
		{connectors.Record{Ref: incidents.Ref("I1")}, "Fixing", true},
	} {
		if got := c.CanTransition(test.from, test.to); got != test.want {
			t.Errorf("%v to %s: %t", test.from.Fields, test.to, got)
		}
	}
	if n := server.Count("", ""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestAdviceServesMoves: what is asked at the start for warnings is known when
// moves are.
func TestAdviceServesMoves(t *testing.T) {
	_, c := start(t, incidentiotest.Options{})
	if _, err := c.Advise(t.Context(), []connectors.Use{{Record: "incident", Field: "incident_status.name", Values: []any{"Fixing"}}}); err != nil {
		t.Fatal(err)
	}
	if c.CanTransition(inStatus("Closed", "closed"), "Fixing") {
		t.Error("the statuses were read, and are not known")
	}
}

func TestCanTransitionFollowUp(t *testing.T) {
	_, c := start(t, incidentiotest.Options{})
	states := []string{"outstanding", "completed", "not_doing", "deleted"}
	for _, from := range states {
		for _, to := range states {
			record := connectors.Record{Ref: followUps.Ref("F1"), Fields: map[string]any{"status": from}}
			if got, want := c.CanTransition(record, to), from != "deleted" && to != "deleted"; got != want {
				t.Errorf("%s to %s: %t", from, to, got)
			}
		}
	}
}

// TestMovesAreTheSimulators: what is said of moves is what the account takes.
// The vendor does not say that it takes a paused incident's resolution.
func TestMovesAreTheSimulators(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	statuses := []string{"Triage", "Investigating", "Fixing", "Paused", "Documenting", "Closed", "Declined", "Canceled", "Merged"}
	for _, from := range statuses {
		for _, to := range statuses {
			made := create(t, server, incidentiotest.SetStatus(from))
			record := read(t, c, incidents.Ref(made.ID))
			resolved, _ := resolveOne(t, c, "incident", "incident_status.name", to)
			_, err := c.Update(t.Context(), connectors.Change{Ref: record.Ref, Fields: map[string]any{"incident_status.name": resolved}})
			if from == "Paused" && (to == "Documenting" || to == "Closed") {
				continue
			}
			if may := c.CanTransition(record, to); may != (err == nil) {
				t.Errorf("%s to %s: said %t, and the account: %v", from, to, may, err)
			}
		}
	}
}
