package jira_test

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestKindsOfComment: who sees a comment is its kind.
func TestKindsOfComment(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, map[string]any{"project": "OPS"})
	server.Say(record.Number, "acc-ann", "to customers", false)
	server.Say(record.Number, "acc-ann", "among agents", true)
	server.SayTo(record.Number, "acc-ann", "board", "to the board")
	var kinds []string
	for _, m := range must(c.Comments(t.Context(), record, time.Time{}))(t) {
		kinds = append(kinds, m.Kind+": "+m.Text)
	}
	want := []string{"comment: to customers", "internal: among agents", "restricted: to the board"}
	if len(kinds) != len(want) || kinds[0] != want[0] || kinds[1] != want[1] || kinds[2] != want[2] {
		t.Errorf("got %q, want %q", kinds, want)
	}
	_, err := c.Comment(t.Context(), connectors.NewComment{Record: record, Kind: "restricted", Marker: "m", Text: "x"})
	wantClass(t, err, connectors.ClassRejected)
}

// TestDefaultKind: what is said on a service project without a kind is for agents
// alone, elsewhere for all.
func TestDefaultKind(t *testing.T) {
	server, c := site(t)
	for project, want := range map[string]string{"ENG": "*Comment*\n\nsaid", "OPS": "internal: *Comment*\n\nsaid"} {
		record := create(t, c, "lockstep-"+project, map[string]any{"project": project})
		must(c.Comment(t.Context(), connectors.NewComment{Record: record, Marker: "m", Text: "said"}))(t)
		if got := server.Comments(record.Number); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", project, got, want)
		}
	}
}

// TestNoAgent: Jira takes an internal comment from an account that is no agent,
// and shows it to customers. That is no success, and does not happen twice.
func TestNoAgent(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, map[string]any{"project": "OPS"})
	server.NoAgent("OPS", true)
	for _, kind := range []string{"internal", ""} {
		_, err := c.Comment(t.Context(), connectors.NewComment{Record: record, Kind: kind, Marker: "m", Text: "among us"})
		if failure := wantClass(t, err, connectors.ClassRejected); failure.Code != "not_internal" {
			t.Errorf("code %q: %v", failure.Code, err)
		}
	}
	if got := server.Comments(record.Number); len(got) != 1 {
		t.Errorf("customers see %q", got)
	}
}

// TestSecurityLevel: an issue that some people alone see is private.
func TestSecurityLevel(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, nil)
	if record.Private {
		t.Error("an issue without a level is private")
	}
	server.Secure(record.Number, "Board")
	if read := must(c.Read(t.Context(), record.Ref))(t); !read.Private || read.Fields["security"] != "Board" {
		t.Errorf("private %t, level %v", read.Private, read.Fields["security"])
	}
	server.Secure(record.Number, "")
	if must(c.Read(t.Context(), record.Ref))(t).Private {
		t.Error("an issue whose level was taken off is private")
	}
	if given := create(t, c, "lockstep-2", map[string]any{"security": "Staff"}); !given.Private {
		t.Error("a level that the template wrote does not count")
	}
}
