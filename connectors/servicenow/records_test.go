package servicenow_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

func TestCreateAnswersTheRecordAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		caller := server.AddUser(servicenowtest.User{UserName: "lisa", Name: "Lisa Karlin", Email: "lisa@incident.io"})
		record := create(t, c, "key-1", map[string]any{
			"description": "Error rate hit 12%.", "urgency": int64(2), "impact": int64(1), "caller_id": caller, "active": true,
			"watch_list": []any{caller}, "u_missing": "dropped by the vendor", "due_date": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		})
		ticket := server.Tickets()[0]
		if got, want := record.Ref.String(), "servicenow.itsm.incident/"+ticket["sys_id"]; got != want {
			t.Errorf("ref is %s, want %s", got, want)
		}
		want := map[string]any{
			"short_description": "Our database is sad", "description": "Error rate hit 12%.", "urgency": int64(2), "impact": int64(1),
			"priority": int64(2), "caller_id": caller, "active": true, "state": int64(1), "close_code": nil, "comments": nil,
			"watch_list": []any{caller}, "due_date": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "sys_mod_count": int64(0),
		}
		for field, v := range want {
			if diff := cmp.Diff(v, record.Fields[field]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", field, diff)
			}
		}
		if _, there := record.Fields["u_missing"]; there {
			t.Error("the answer holds a column that the table does not have")
		}
		head := record
		head.Fields, head.Ref = nil, connectors.Ref{}
		if diff := cmp.Diff(connectors.Record{
			Number: "INC0010001", URL: servicenowtest.DefaultURL + "/nav_to.do?uri=incident.do%3Fsys_id%3D" + ticket["sys_id"],
			Version: "0", UpdatedAt: time.Now().UTC().Truncate(time.Second), UpdatedBy: servicenowtest.DefaultUsername, Pristine: true, Key: "key-1", Stamp: "w1",
		}, head); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
		if got := server.Count("POST", "/api/now/table/incident"); got != 1 {
			t.Errorf("%d requests to create, want 1: key and stamp go with the fields", got)
		}

		read, err := c.Read(t.Context(), record.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(record, read); diff != "" {
			t.Errorf("read after create (-created +read):\n%s", diff)
		}
	})
}

func TestUpdateWritesOnlyWhatIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		record := create(t, c, "key-1", map[string]any{"description": "before"})
		if err := server.Edit("incident", record.Number, "anna", servicenowtest.Row{"impact": "1"}); err != nil {
			t.Fatal(err)
		}
		server.ResetRequests()
		updated, err := c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "w2", Fields: map[string]any{"description": "", "urgency": int64(1), "correlation_id": "stolen"}})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := server.Requests()[0].Body, `{"correlation_display":"w2","description":"","urgency":"1"}`; got != want {
			t.Errorf("body is %s, want %s", got, want)
		}
		if updated.Version != "2" || updated.Stamp != "w2" || updated.Key != "key-1" || updated.Pristine || updated.Fields["description"] != nil || updated.Fields["impact"] != int64(1) || updated.Fields["priority"] != int64(1) {
			t.Errorf("answer: version %s, stamp %s, key %s, pristine %t, fields %v", updated.Version, updated.Stamp, updated.Key, updated.Pristine, updated.Fields)
		}
	})
}

func TestTableWithoutMarks(t *testing.T) {
	server, _ := instance(t)
	server.AddTable("u_note", "", "", servicenowtest.Column{Name: "u_text"})
	server.AddUser(servicenowtest.User{UserName: "root", Password: secrets[0], Roles: []string{"admin"}})
	root := "root"
	settings := basic()
	settings.Username = &root
	c := connect(t, server.RoundTripper(), settings)
	notes := connectors.Collection{Type: "servicenow", Connector: "itsm", Record: "u_note"}
	if found, err := c.FindByKey(t.Context(), notes, "k"); err != nil || len(found) != 0 {
		t.Fatalf("FindByKey of an empty table: %v, %v", found, err)
	}
	record, err := c.Create(t.Context(), connectors.Draft{Collection: notes, Key: "k", Stamp: "w", Fields: map[string]any{"u_text": "hello"}})
	if err != nil || record.Stamp != "" || record.Key != "" || record.Fields["u_text"] != "hello" {
		t.Fatalf("Create: %+v, %v", record, err)
	}
	_, err = c.FindByKey(t.Context(), notes, "k")
	if failure := wantClass(t, err, connectors.ClassRejected); failure.Code != "no_key_column" {
		t.Errorf("code %q", failure.Code)
	}
}

func TestFindByKeyLooksAtEachRowAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		for i := range 120 {
			create(t, c, fmt.Sprintf("other-%d", i), nil)
			if i%50 == 0 {
				time.Sleep(time.Second) // the bubble's clock: creation times differ
				create(t, c, "twice", nil)
			}
		}
		found, err := c.FindByKey(t.Context(), incidents, "twice")
		if err != nil || len(found) != 3 || found[0].Number >= found[1].Number || found[1].Number >= found[2].Number {
			t.Fatalf("found %d, %v; want 3, oldest first", len(found), err)
		}
		if none, err := c.FindByKey(t.Context(), incidents, "nobody's"); err != nil || len(none) != 0 {
			t.Errorf("a key that nothing carries: %v, %v", none, err)
		}

		// An instance that drops the condition answers with all its records.
		looser := connect(t, edit{server.RoundTripper(), func(q map[string][]string) {
			q["sysparm_query"] = []string{"no_such_column=twice^ORDERBYsys_created_on"}
		}}, basic())
		found, err = looser.FindByKey(t.Context(), incidents, "twice")
		if err != nil || len(found) != 3 {
			t.Errorf("found %d among all records, %v; want 3", len(found), err)
		}

		// Rows that the user may not see leave short and empty pages.
		server.Hide("incident", func(r servicenowtest.Row) bool { return r["correlation_id"] != "twice" })
		found, err = looser.FindByKey(t.Context(), incidents, "twice")
		if err != nil || len(found) != 3 {
			t.Errorf("found %d behind empty pages, %v; want 3", len(found), err)
		}
		_, err = c.FindByKey(t.Context(), incidents, "a^active=true")
		wantClass(t, err, connectors.ClassRejected)
	})
}

func TestIDsThatCannotBe(t *testing.T) {
	server, c := instance(t)
	for _, id := range []string{"", ".", "..", "../sys_user", "a/b", "a?b", "a b", "é"} {
		_, err := c.Read(t.Context(), incidents.Ref(id))
		wantClass(t, err, connectors.ClassGone)
		_, err = c.Update(t.Context(), connectors.Change{Ref: incidents.Ref(id)})
		wantClass(t, err, connectors.ClassGone)
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestJournalsOfClosedTicketsAreLostInSilence(t *testing.T) {
	server, c := instance(t)
	record := create(t, c, "k", nil)
	if err := server.Edit("incident", record.Number, "anna", servicenowtest.Row{"state": "7", "close_code": "Solution provided", "close_notes": "done", "work_notes": "last words"}); err != nil {
		t.Fatal(err)
	}
	if err := server.AddWorkNote("incident", record.Number, "anna", "too late"); err != nil {
		t.Fatal(err)
	}
	if entries := server.Journal("incident", record.Number); len(entries) != 1 || entries[0].Value != "last words" || entries[0].By != "anna" {
		t.Errorf("journal: %+v", entries)
	}
}

// TestAClassThatChanges: a ticket whose class is changed is a record of another table
// from then on, under the same id; it was not deleted.
func TestAClassThatChanges(t *testing.T) {
	server, c := instance(t)
	record := create(t, c, "k", nil)
	now := record.Ref
	now.Record = "problem"
	reclassify := func(to string) {
		t.Helper()
		if err := server.Reclassify(record.Number, to); err != nil {
			t.Fatal(err)
		}
	}
	movedTo := func(want connectors.Ref) {
		t.Helper()
		_, err := c.Read(t.Context(), record.Ref)
		wantClass(t, err, connectors.ClassGone)
		if to, err := c.MovedTo(t.Context(), record.Ref); err != nil || to != want {
			t.Errorf("moved to %s (%v), want %s", to, err, want)
		}
	}
	reclassify("problem")
	movedTo(now)
	server.AnswersAnyClass(true) // by the row of the table that both extend
	movedTo(now)
	server.AnswersAnyClass(false)
	server.DenyReads("task", true)
	movedTo(connectors.Ref{})
	server.DenyReads("task", false)
	if at, err := c.Read(t.Context(), now); err != nil || at.Number != record.Number {
		t.Errorf("as what it is now: %+v, %v", at, err)
	}
	reclassify("incident")
	if _, err := c.Read(t.Context(), record.Ref); err != nil {
		t.Errorf("changed back: %v", err)
	}
	server.Hide("incident", everything)
	movedTo(connectors.Ref{})
	server.Hide("incident", nil)
	server.Delete("incident", record.Number)
	movedTo(connectors.Ref{})
}
