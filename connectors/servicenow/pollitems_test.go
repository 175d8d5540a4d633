package servicenow_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

func TestPollItems(t *testing.T) {
	for _, items := range []connectors.Items{connectors.CommentItems, connectors.AttachmentItems} {
		t.Run(string(items), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, c := instance(t)
				first, second := create(t, c, "first", nil), create(t, c, "second", nil)
				problem, err := server.Open("problem", "anna", servicenowtest.Row{"short_description": "why"})
				if err != nil {
					t.Fatal(err)
				}
				request, err := server.Open("sc_request", "anna", servicenowtest.Row{"short_description": "not asked for"})
				if err != nil {
					t.Fatal(err)
				}
				add := func(table, id string) {
					t.Helper()
					err := server.AddWorkNote(table, id, "anna", "a note")
					if items == connectors.AttachmentItems {
						_, err = server.Attach(table, id, "anna", "a.png", "image/png", []byte(id))
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				var cursor []byte
				poll := func() []string {
					t.Helper()
					changed, next, err := c.PollItems(t.Context(), items, []string{"problem", "incident"}, cursor)
					if err != nil {
						t.Fatal(err)
					}
					cursor = next
					var refs []string
					for _, ref := range changed {
						refs = append(refs, ref.Record+"/"+ref.ID)
					}
					return slices.Sorted(slices.Values(refs))
				}
				want := func(when string, refs ...string) {
					t.Helper()
					if got := poll(); !slices.Equal(got, slices.Sorted(slices.Values(refs))) {
						t.Errorf("%s: %v, want %v", when, got, refs)
					}
				}
				add("incident", first.Ref.ID)
				time.Sleep(time.Second)
				want("at first")
				server.ResetRequests()
				want("with nothing new")
				if n := len(server.Requests()); n != 1 {
					t.Errorf("a poll of nothing is %d requests, want 1", n)
				}
				add("incident", first.Ref.ID)
				add("incident", first.Ref.ID) // in one second
				add("problem", problem)
				add("sc_request", request)
				want("after three", "incident/"+first.Ref.ID, "problem/"+problem)
				want("again")
				add("incident", second.Ref.ID) // in the second of the last poll
				want("in the same second", "incident/"+second.Ref.ID)

				time.Sleep(time.Minute)
				add("incident", first.Ref.ID)
				want("a minute later", "incident/"+first.Ref.ID)
				// What commits late carries a time that has passed.
				table := map[connectors.Items]string{connectors.CommentItems: "sys_journal_field", connectors.AttachmentItems: "sys_attachment"}[items]
				add("incident", second.Ref.ID)
				rows := server.Rows(table)
				late := time.Now().UTC().Add(-2 * time.Minute).Format("2006-01-02 15:04:05")
				server.SetRow(table, rows[len(rows)-1]["sys_id"], servicenowtest.Row{"sys_created_on": late, "sys_updated_on": late})
				want("late", "incident/"+second.Ref.ID)
				time.Sleep(24 * time.Hour)
				want("a day later")
				if strings.Contains(string(cursor), "note") {
					t.Error("contents in a cursor")
				}
			})
		})
	}
}

// Pages hold few rows where the user may not see all of them.
func TestPollItemsThroughHiddenRows(t *testing.T) {
	server, c := instance(t)
	record := create(t, c, "k", nil)
	_, cursor, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"incident"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 600 {
		if err := server.AddWorkNote("incident", record.Number, "anna", "shown"); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string]bool{}
	for _, r := range server.Rows("sys_journal_field")[1:] {
		ids[r["sys_id"]] = true
	}
	server.Hide("sys_journal_field", func(r servicenowtest.Row) bool { return ids[r["sys_id"]] })
	changed, _, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"incident"}, cursor)
	if err != nil || len(changed) != 1 || changed[0] != record.Ref {
		t.Errorf("got %v, %v", changed, err)
	}
}

func TestPollItemsOfDroppedConditions(t *testing.T) {
	server, _ := instance(t)
	c := connect(t, edit{server.RoundTripper(), func(q map[string][]string) {
		if query := q["sysparm_query"]; len(query) == 1 && strings.HasPrefix(query[0], "nameIN") {
			_, rest, _ := strings.Cut(query[0], "ORDERBY")
			q["sysparm_query"] = []string{"ORDERBY" + rest}
		}
	}}, basic())
	record := create(t, c, "k", nil)
	request, err := server.Open("sc_request", "anna", servicenowtest.Row{"short_description": "not asked for"})
	if err != nil {
		t.Fatal(err)
	}
	_, cursor, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"incident"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for table, id := range map[string]string{"incident": record.Ref.ID, "sc_request": request} {
		if err := server.AddWorkNote(table, id, "anna", "x"); err != nil {
			t.Fatal(err)
		}
	}
	changed, _, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"incident"}, cursor)
	if err != nil || len(changed) != 1 || changed[0] != record.Ref {
		t.Errorf("got %v, %v", changed, err)
	}
	if _, _, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"a^b"}, nil); err == nil {
		t.Error("an invalid table name")
	}
	if _, next, err := c.PollItems(t.Context(), connectors.CommentItems, nil, cursor); err != nil || string(next) != string(cursor) {
		t.Errorf("of no tables: %q, %v", next, err)
	}
}
