package jira_test

import (
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// steps are the transitions that were asked for, and how many edits.
func steps(server *jiratest.Server) (transitions, edits int) {
	return server.Count("POST", "/transitions"), server.Count("PUT", "/issue/")
}

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		name        string
		from        []string // transitions that lead to where it begins
		to          string
		fields      map[string]any
		transitions int
		edits       int
	}{
		{name: "one step", to: "In Progress", transitions: 1},
		{name: "as it is", to: "to do", transitions: 0, edits: 1},
		{name: "three steps through what is not known", to: "Done", fields: map[string]any{"resolution": "Done", "assignee": "acc-ann"}, transitions: 3},
		{name: "reopened", from: []string{"Cancel"}, to: "In Progress", transitions: 2},
		{name: "with fields of no screen", to: "In Progress", fields: map[string]any{"summary": "Else"}, transitions: 1, edits: 1},
		{name: "a field that the screen may have", to: "Cancelled", fields: map[string]any{"resolution": "Won't Do"}, transitions: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, c := site(t)
			record := create(t, c, key, nil)
			for _, name := range test.from {
				if err := server.Move(record.Number, "acc-ann", name, nil); err != nil {
					t.Fatal(err)
				}
			}
			server.ResetRequests()
			fields := map[string]any{"status": test.to}
			maps.Copy(fields, test.fields)
			answer := update(t, c, record.Ref, "ls-2", fields)
			for name, v := range fields {
				if !c.Same("issue", name, v, answer.Fields[name]) {
					t.Errorf("%s is %v, want %v", name, answer.Fields[name], v)
				}
			}
			if answer.Stamp != "ls-2" {
				t.Errorf("stamp %q", answer.Stamp)
			}
			if transitions, edits := steps(server); transitions != test.transitions || edits != test.edits {
				t.Errorf("%d transitions, %d edits; want %d, %d", transitions, edits, test.transitions, test.edits)
			}
			if read := must(c.Read(t.Context(), record.Ref))(t); read.Stamp != "ls-2" || read.Version != answer.Version {
				t.Errorf("it reads with the stamp %q in version %q, answered was %q", read.Stamp, read.Version, answer.Version)
			}
		})
	}
}

// TestStampOfAPlainTransition: where a transition stores no properties, the
// stamp is stored all the same.
func TestStampOfAPlainTransition(t *testing.T) {
	with := options()
	with.PlainTransitions = true
	server := jiratest.New(with)
	c := connect(t, server.RoundTripper(), nil)
	record := create(t, c, key, nil)
	update(t, c, record.Ref, "ls-2", map[string]any{"status": "In Progress"})
	if read := must(c.Read(t.Context(), record.Ref))(t); read.Stamp != "ls-2" {
		t.Errorf("stamp %q", read.Stamp)
	}
}

// TestShortestPath: what other issues are offered tells the way, and which of
// two is the shorter one.
func TestShortestPath(t *testing.T) {
	server, c := site(t)
	for _, moves := range [][]string{{"Start"}, {"Start", "Review"}, {"Cancel"}} {
		other := must(server.Open("ENG", "acc-ann", map[string]any{"issuetype": map[string]any{"name": "Bug"}}))(t)
		for _, name := range moves {
			if err := server.Move(other, "acc-ann", name, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	record := create(t, c, key, nil)
	update(t, c, record.Ref, "ls-2", map[string]any{"status": "Done", "resolution": "Done"})
	if got := server.Status(record.Number); got != "Done" {
		t.Errorf("status %s", got)
	}
	n := server.Count("POST", "/search/jql")
	second := create(t, c, "lockstep-2", nil)
	update(t, c, second.Ref, "ls-2", map[string]any{"status": "Done", "resolution": "Done"})
	if again := server.Count("POST", "/search/jql"); again != n {
		t.Errorf("%d searches more for a path that is known", again-n)
	}
}

func TestStatusRefused(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(*jiratest.Server)
		fields  map[string]any
		code    string
		words   []string
		at      string // where it ends
	}{
		{name: "no such status", fields: map[string]any{"status": "Closed"}, code: "no_status", words: []string{`no status "Closed"`, "in progress"}, at: "To Do"},
		{
			name: "no way", prepare: func(s *jiratest.Server) { s.Cut("ENG", "Start") }, fields: map[string]any{"status": "Done", "resolution": "Done"},
			code: "no_transition", words: []string{`from "To Do" to "Done"`, "Cancel (to Cancelled)"}, at: "To Do",
		},
		{
			name: "the screen asks for a field", prepare: func(s *jiratest.Server) {
				other, _ := s.Open("ENG", "acc-ann", map[string]any{"issuetype": map[string]any{"name": "Bug"}})
				_ = s.Move(other, "acc-ann", "Start", nil)
				_ = s.Move(other, "acc-ann", "Review", nil)
			},
			fields: map[string]any{"status": "Done"}, code: "screen_field", words: []string{`"Resolve" asks for resolution (Resolution)`, "once or outbound"}, at: "In Review",
		},
		{name: "the screen refuses the value", fields: map[string]any{"status": "Cancelled", "resolution": "Sure"}, words: []string{"Resolution"}, at: "To Do"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, c := site(t)
			record := create(t, c, key, nil)
			if test.prepare != nil {
				test.prepare(server)
			}
			_, err := c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "ls-2", Fields: resolved(t, c, test.fields)})
			failure := wantClass(t, err, connectors.ClassRejected)
			if failure.Code != test.code || test.code != "" && failure.Field != "status" {
				t.Errorf("code %q, field %q", failure.Code, failure.Field)
			}
			for _, words := range test.words {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q is not in: %v", words, err)
				}
			}
			if got := server.Status(record.Number); got != test.at {
				t.Errorf("it stands at %s, want %s", got, test.at)
			}
			if read := must(c.Read(t.Context(), record.Ref))(t); read.Stamp != "ls-1" {
				t.Error("the stamp says that the write was done")
			}
		})
	}
}

// TestCrashesOnTheWay: a fault in the middle of a path leaves no stamp, and the
// same update goes on from there.
func TestCrashesOnTheWay(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault simulator.Fault
		class connectors.Class
		at    string
	}{
		{"first step lost before", simulator.Fault{Kind: simulator.ResetBefore, Method: "POST", Path: "/transitions", Times: 1}, connectors.ClassUnclear, "To Do"},
		{"first step lost after", simulator.Fault{Kind: simulator.ResetAfter, Method: "POST", Path: "/transitions", Times: 1}, connectors.ClassUnclear, "In Progress"},
		{"edit lost before", simulator.Fault{Kind: simulator.ResetBefore, Method: "PUT", Times: 1}, connectors.ClassUnclear, "Done"},
		{"edit throttled", simulator.Fault{Kind: simulator.Throttle, Method: "PUT", RetryAfter: time.Second, Times: 1}, connectors.ClassThrottled, "Done"},
		{"transitions cannot be read", simulator.Fault{Kind: simulator.FailBefore, Method: "GET", Path: "/transitions", Times: 3}, connectors.ClassRetry, "To Do"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, c := site(t)
				record := create(t, c, key, nil)
				change := connectors.Change{Ref: record.Ref, Stamp: "ls-2", Fields: resolved(t, c, map[string]any{"status": "Done", "resolution": "Done", "summary": "Else"})}
				server.Inject(test.fault)
				_, err := c.Update(t.Context(), change)
				wantClass(t, err, test.class)
				if got := server.Status(record.Number); got != test.at {
					t.Errorf("it stands at %s, want %s", got, test.at)
				}
				time.Sleep(2 * time.Second)
				if read := must(c.Read(t.Context(), record.Ref))(t); read.Stamp != "ls-1" {
					t.Error("the stamp says that all was done")
				}
				answer := must(c.Update(t.Context(), change))(t)
				if answer.Fields["status"] != "Done" || answer.Fields["resolution"] != "Done" || answer.Stamp != "ls-2" {
					t.Errorf("%v", answer.Fields)
				}
			})
		})
	}
}

// TestTwoTransitions: of two to one status, the one is taken whose screen takes
// most of what is given.
func TestTwoTransitions(t *testing.T) {
	server, c := site(t)
	server.Add("ENG", "Close", []string{"To Do"}, "Cancelled", nil)
	record := create(t, c, key, nil)
	answer := update(t, c, record.Ref, "ls-2", map[string]any{"status": "Cancelled", "resolution": "Duplicate"})
	if answer.Fields["status"] != "Cancelled" || answer.Fields["resolution"] != "Duplicate" {
		t.Errorf("status %v, resolution %v", answer.Fields["status"], answer.Fields["resolution"])
	}
	second := create(t, c, "lockstep-2", nil)
	if answer = update(t, c, second.Ref, "ls-2", map[string]any{"status": "Cancelled"}); answer.Fields["status"] != "Cancelled" {
		t.Errorf("status %v", answer.Fields["status"])
	}
}

func TestConflict(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, nil)
	server.Busy(record.Number, 1)
	change := connectors.Change{Ref: record.Ref, Stamp: "ls-2", Fields: map[string]any{"status": "In Progress"}}
	_, err := c.Update(t.Context(), change)
	wantClass(t, err, connectors.ClassConflict)
	if transitions, _ := steps(server); transitions != 1 {
		t.Errorf("%d transitions sent", transitions)
	}
	if answer := must(c.Update(t.Context(), change))(t); answer.Fields["status"] != "In Progress" {
		t.Errorf("status %v", answer.Fields["status"])
	}
}

func TestCreateInAStatus(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, map[string]any{"status": "In Progress", "resolution": "Done"})
	if record.Fields["status"] != "In Progress" || record.Stamp != "ls-1" {
		t.Errorf("status %v, stamp %s", record.Fields["status"], record.Stamp)
	}
	second := create(t, c, "lockstep-2", map[string]any{"status": "Nowhere"})
	if second.Fields["status"] != "To Do" || len(server.Issues()) != 2 {
		t.Errorf("status %v of %d", second.Fields["status"], len(server.Issues()))
	}
}

// TestAScreenWithADefault: what a transition's screen asks for and has a default
// for need not be given.
func TestAScreenWithADefault(t *testing.T) {
	server, c := site(t)
	server.Default("ENG", "Resolve", "resolution", "Done")
	record := create(t, c, key, nil)
	for _, step := range []string{"Start", "Review"} {
		if err := server.Move(record.Number, "acc-ann", step, nil); err != nil {
			t.Fatal(err)
		}
	}
	done := update(t, c, record.Ref, "ls-2", map[string]any{"status": "Done"})
	if done.Fields["status"] != "Done" || done.Fields["resolution"] != "Done" {
		t.Errorf("status %v, resolution %v", done.Fields["status"], done.Fields["resolution"])
	}
}
