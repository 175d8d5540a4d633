package jira_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

const key = "lockstep-0123456789abcdef0123456789abcdef"

func everything() map[string]any {
	return map[string]any{
		"summary": "Our database\nis sad", "description": "It is **down**.\n\n- one\n  - two\n\nsee https://g.example", "environment": "prod",
		"priority": "High", "labels": []any{"db", "sad"}, "components": []any{"Backend"}, "fixVersions": []any{"1.0"}, "duedate": "2026-02-03",
		"assignee": connectors.Lookup{Key: "email", Value: "ann@acme.example"}, "timetracking": map[string]any{"originalEstimate": "3h"},
		"custom_fields":          map[string]any{"Story Points": 3.0, "Team": "Payments", "Services": []any{"web", "db"}, "Notes": "*rich*", "Ticket": "INC-1", "Started": "2026-01-02T03:04:05Z"},
		"custom_fields/Owner":    connectors.Lookup{Key: "email", Value: "bo@acme.example"},
		"customfield_10026":      "by id",
		"custom_fields/Services": nil,
	}
}

func TestCreate(t *testing.T) {
	server, c := site(t)
	values := resolved(t, c, everything())
	record, err := c.Create(t.Context(), draft(key, values))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"summary": "Our database is sad", "description": "It is **down**.\n\n- one\n  - two\n\nsee https://g.example", "environment": "prod",
		"priority": "High", "labels": []any{"db", "sad"}, "components": []any{"Backend"}, "fixVersions": []any{"1.0"}, "duedate": "2026-02-03",
		"assignee": "acc-ann", "project": "ENG", "issuetype": "Bug", "status": "To Do", "customfield_10026": "by id",
		"customfield_10016": int64(3), "customfield_10020": "Payments", "customfield_10021": []any{"web", "db"}, "customfield_10022": "acc-bo", "customfield_10023": "*rich*",
	}
	for name, v := range want {
		if diff := cmp.Diff(v, record.Fields[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	custom, _ := record.Fields["custom_fields"].(map[string]any)
	if custom["Story Points"] != int64(3) || custom["Owner"] != "acc-bo" || custom["Ticket"] != "INC-1" {
		t.Errorf("custom fields %v", custom)
	}
	if record.Key != key || record.Stamp != "ls-1" || record.Number != "ENG-1" || record.URL != jiratest.DefaultURL+"/browse/ENG-1" || !record.Pristine {
		t.Errorf("%+v", record)
	}
	for name, v := range values {
		have := record.Fields[name]
		if entry, ok := strings.CutPrefix(name, "custom_fields/"); ok {
			have = custom[entry]
		}
		if v != nil && !c.Same("issue", name, v, have) {
			t.Errorf("%s: %v is not the same as %v", name, v, have)
		}
	}
	if n := server.Count("POST", "/issue"); n != 1 {
		t.Errorf("%d requests opened it", n)
	}
	if again := must(c.Read(t.Context(), record.Ref))(t); !cmp.Equal(again, record) {
		t.Errorf("read again (-first +again):\n%s", cmp.Diff(record, again))
	}
}

// TestTwoFieldsOfOneName: by the name it is always the older one that is read.
func TestTwoFieldsOfOneName(t *testing.T) {
	_, c := site(t)
	both := create(t, c, key, map[string]any{"customfield_10026": "older", "customfield_10027": "newer"})
	newer := create(t, c, "lockstep-2", map[string]any{"customfield_10027": "newer"})
	for range 20 {
		for record, want := range map[*connectors.Record]any{&both: "older", &newer: nil} {
			read := must(c.Read(t.Context(), record.Ref))(t)
			named, _ := read.Fields["custom_fields"].(map[string]any)
			if named["Twice"] != want {
				t.Fatalf("it reads %v, want %v", named["Twice"], want)
			}
		}
	}
}

func TestUpdate(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, everything())
	before := len(server.Requests())
	answer := update(t, c, record.Ref, "ls-2", map[string]any{"priority": "Low", "description": "", "assignee": "", "labels": []any{"new"}, "custom_fields/Team": "Search", "components": []any{}})
	want := map[string]any{"priority": "Low", "description": nil, "assignee": nil, "labels": []any{"new"}, "customfield_10020": "Search", "components": nil, "summary": "Our database is sad"}
	for name, v := range want {
		if diff := cmp.Diff(v, answer.Fields[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if answer.Stamp != "ls-2" || answer.Version == record.Version || answer.URL != record.URL || answer.Number != record.Number {
		t.Errorf("%+v", answer)
	}
	read := must(c.Read(t.Context(), record.Ref))(t)
	if read.Stamp != "ls-2" || read.Key != key || read.Pristine {
		t.Errorf("stamp %q, key %q, pristine %t", read.Stamp, read.Key, read.Pristine)
	}
	if found := must(c.FindByKey(t.Context(), issues, key))(t); len(found) != 1 {
		t.Errorf("the key is lost with the labels: %d found", len(found))
	}
	// The labels are read first, so that lockstep's own stays; one asks who we are.
	if n := len(server.Requests()) - before; n > 6 {
		t.Errorf("%d requests", n)
	}
	server.ResetRequests()
	update(t, c, record.Ref, "ls-3", map[string]any{"summary": "Else"})
	if got := server.Requests(); len(got) != 1 || got[0].Method != "PUT" {
		t.Errorf("%d requests for one field", len(got))
	}
}

func TestUpdateAnsweredWithNothing(t *testing.T) {
	o := options()
	o.NoReturn = true
	server := jiratest.New(o)
	c := connect(t, server.RoundTripper(), nil)
	record := create(t, c, key, nil)
	answer := update(t, c, record.Ref, "ls-2", map[string]any{"summary": "Else"})
	if answer.Fields["summary"] != "Else" || answer.Stamp != "ls-2" {
		t.Errorf("%+v", answer)
	}
}

func TestParentGoes(t *testing.T) {
	_, c := site(t)
	parent := create(t, c, key, map[string]any{"issuetype": "Epic"})
	child := create(t, c, "lockstep-2", map[string]any{"parent": parent.Number})
	if child.Fields["parent"] != parent.Number {
		t.Fatalf("parent %v", child.Fields["parent"])
	}
	if answer := update(t, c, child.Ref, "ls-2", map[string]any{"parent": ""}); answer.Fields["parent"] != nil {
		t.Errorf("parent %v", answer.Fields["parent"])
	}
}

// TestWrongParent: what is below a task is a sub-task, and Jira's refusal names
// the field.
func TestWrongParent(t *testing.T) {
	_, c := site(t)
	parent := create(t, c, key, nil)
	for name, test := range map[string]struct{ kind, parent, field, message string }{
		"a task below a task":       {"Task", parent.Number, "parent", "does not belong to appropriate hierarchy"},
		"a sub-task without parent": {"Sub-task", "", "issuetype", "parent issue key or id not specified"},
		"a sub-task":                {kind: "Sub-task", parent: parent.Number},
	} {
		fields := map[string]any{"project": "ENG", "issuetype": test.kind, "summary": name}
		if test.parent != "" {
			fields["parent"] = test.parent
		}
		_, err := c.Create(t.Context(), connectors.Draft{Collection: issues, Key: "lockstep-" + name[len(name)-4:], Stamp: "ls-1", Fields: fields})
		if test.field == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var failure *connectors.Error
		if !errors.As(err, &failure) || failure.Class != connectors.ClassRejected || failure.Field != test.field || !strings.Contains(failure.Message, test.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFindByKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.IndexLag = 3 * time.Minute
		server := jiratest.New(o)
		c := connect(t, server.RoundTripper(), nil)
		find := func() []connectors.Record { t.Helper(); return must(c.FindByKey(t.Context(), issues, key))(t) }
		first := create(t, c, key, nil)
		if found := find(); len(found) != 0 {
			t.Errorf("found %d before the index has it", len(found))
		}
		time.Sleep(3 * time.Minute)
		if found := find(); len(found) != 1 || found[0].Ref != first.Ref || found[0].Key != key {
			t.Fatalf("found %v", found)
		}
		second := create(t, c, key, nil)
		server.Clone(first.Number, "acc-ann")
		create(t, c, key+"0", nil)
		time.Sleep(3 * time.Minute)
		if found := find(); len(found) != 2 || found[0].Ref != first.Ref || found[1].Ref != second.Ref {
			t.Errorf("found %v; want the two with the key, the oldest first, and no clone", found)
		}
		planted, err := server.Open("ENG", "acc-ann", map[string]any{"labels": []any{key}})
		if err != nil {
			t.Fatal(err)
		}
		server.SetProperty(planted, "lockstep.key", map[string]any{"value": key})
		time.Sleep(3 * time.Minute)
		if found := find(); len(found) != 3 || found[0].Foreign || found[1].Foreign || !found[2].Foreign || found[2].Number != planted || found[2].CreatedBy != "acc-ann" {
			t.Errorf("found %v; want the one that somebody else created to be told apart", found)
		}
		server.Delete(planted)
		server.Delete(first.Number)
		if found := find(); len(found) != 1 || found[0].Ref != second.Ref {
			t.Errorf("found %v after the first was deleted", found)
		}
		server.Inject(simulator.Fault{Kind: simulator.FailBefore, Method: http.MethodGet, Path: "/issue/" + second.Ref.ID, Status: http.StatusInternalServerError})
		if found, err := c.FindByKey(t.Context(), issues, key); err == nil {
			t.Errorf("found %v where what was found cannot be read", found)
		}
	})
}

func TestReadWhatIsNotThere(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, nil)
	for _, id := range []string{"99999", "../../field", "ENG-99", "", "1?x"} {
		_, err := c.Read(t.Context(), issues.Ref(id))
		if failure := wantClass(t, err, connectors.ClassGone); failure.Code != "not_found" {
			t.Errorf("%s: code %s", id, failure.Code)
		}
	}
	server.Hide(record.Number, true)
	_, err := c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "w", Fields: map[string]any{"summary": "x"}})
	wantClass(t, err, connectors.ClassGone)
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(*jiratest.Server)
		fields  map[string]any
		create  bool
		field   string
		words   string
	}{
		{name: "priority", fields: map[string]any{"priority": "Urgent"}, field: "priority", words: "Specify a valid"},
		{name: "custom field by name", fields: map[string]any{"custom_fields/Team": "Nobody"}, field: "custom_fields/Team", words: "Team"},
		{name: "custom field in the map", fields: map[string]any{"custom_fields": map[string]any{"Team": "Nobody"}}, field: "custom_fields/Team", words: "Team"},
		{name: "resolution without a transition", fields: map[string]any{"resolution": "Done"}, field: "resolution", words: "not on the appropriate screen"},
		{name: "project", create: true, fields: map[string]any{"project": "NONE"}, field: "project", words: "valid project"},
		{name: "type", create: true, fields: map[string]any{"issuetype": "Saga"}, field: "issuetype", words: "valid issue type"},
		{name: "required", create: true, prepare: func(s *jiratest.Server) { s.Require("ENG", "customfield_10020") }, field: "customfield_10020", words: "Team is required"},
		{name: "forbidden", create: true, prepare: func(s *jiratest.Server) { s.DenyCreate("ENG", "You do not have permission") }, words: "permission"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, c := site(t)
			record := create(t, c, key, nil)
			if test.prepare != nil {
				test.prepare(server)
			}
			values := resolved(t, c, test.fields)
			var err error
			if test.create {
				_, err = c.Create(t.Context(), draft("lockstep-2", values))
			} else {
				_, err = c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "ls-2", Fields: values})
			}
			failure := wantClass(t, err, connectors.ClassRejected)
			if failure.Field != test.field || !strings.Contains(err.Error(), test.words) {
				t.Errorf("field %q: %v", failure.Field, err)
			}
			if read := must(c.Read(t.Context(), record.Ref))(t); read.Version != record.Version || len(server.Issues()) != 1 {
				t.Error("a refused write did something")
			}
		})
	}
}

func TestLongText(t *testing.T) {
	_, c := site(t)
	long := strings.Repeat("An **item** of many with a [link](https://g.example/x).\n", 3000)
	values := resolved(t, c, map[string]any{"description": long, "summary": strings.Repeat("x", 300)})
	record, err := c.Create(t.Context(), draft(key, values))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"description", "summary"} {
		if !c.Same("issue", name, values[name], record.Fields[name]) {
			t.Errorf("%s came back as something else", name)
		}
	}
	if text, _ := record.Fields["description"].(string); !strings.HasSuffix(text, "(cut here: the text is longer than Jira takes)") {
		t.Errorf("no note: …%s", text[max(0, len(text)-60):])
	}
}
