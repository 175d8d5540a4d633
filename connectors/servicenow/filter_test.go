package servicenow_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// everything is hidden.
func everything(servicenowtest.Row) bool { return true }

// TestMadeAndNotSeen: an insert whose row its creator may not read is said to be
// done, with the row where the answer names it.
func TestMadeAndNotSeen(t *testing.T) {
	for name, test := range map[string]struct {
		strip []string
		fault *simulator.Fault
		named bool
	}{
		"named in Location":     {named: true},
		"not named":             {strip: []string{"Location"}},
		"cut off after the 201": {fault: &simulator.Fault{Kind: simulator.CutBody, Method: "POST", Times: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			server := servicenowtest.New(options())
			server.Hide("incident", everything)
			if test.fault != nil {
				server.Inject(*test.fault)
			}
			c := connect(t, &simulator.Proxy{To: server.RoundTripper(), Strip: test.strip}, basic())
			_, err := c.Create(t.Context(), draft("k", nil))
			failure := wantClass(t, err, connectors.ClassUnclear)
			want := connectors.Ref{}
			if test.named {
				want = incidents.Ref(server.Tickets()[0]["sys_id"])
			}
			if !failure.Made || failure.MadeRef != want {
				t.Errorf("made %t, %s, want %s", failure.Made, failure.MadeRef, want)
			}
		})
	}
}

// TestNotMade: a page in place of the answer proves nothing.
func TestNotMade(t *testing.T) {
	server := servicenowtest.New(options())
	c := connect(t, server.RoundTripper(), basic())
	for _, kind := range []simulator.FaultKind{simulator.LoginPage, simulator.ResetAfter, simulator.FailAfter} {
		server.Inject(simulator.Fault{Kind: kind, Method: "POST", Times: 1})
		_, err := c.Create(t.Context(), draft("k", nil))
		if failure := wantClass(t, err, connectors.ClassUnclear); failure.Made {
			t.Errorf("fault %d is said to have made something: %v", kind, err)
		}
	}
}

// TestADroppedKey: the answer shows that the key was not kept, and what was
// created without one is found by its creator.
func TestADroppedKey(t *testing.T) {
	server, c := instance(t)
	kept := create(t, c, "kept", nil)
	if _, err := server.Open("incident", "anna", servicenowtest.Row{"short_description": "anna's"}); err != nil {
		t.Fatal(err)
	}
	server.Protect("incident", "correlation_id")
	dropped := create(t, c, "dropped", nil)
	if kept.Key != "kept" || dropped.Key != "" {
		t.Errorf("keys %q and %q", kept.Key, dropped.Key)
	}
	for since, want := range map[time.Time][]connectors.Ref{time.Now(): {dropped.Ref}, time.Now().Add(time.Hour): nil} {
		found, err := c.FindUnkeyed(t.Context(), incidents, since)
		if err != nil {
			t.Fatal(err)
		}
		var refs []connectors.Ref
		for _, record := range found {
			refs = append(refs, record.Ref)
		}
		if !slices.Equal(refs, want) {
			t.Errorf("found %v, want %v", refs, want)
		}
	}
}

// TestAHiddenJournal: entries that the user may not read are no empty journal, and
// a copy in it is known to be there.
func TestAHiddenJournal(t *testing.T) {
	for name, hide := range map[string]func(*servicenowtest.Server){
		"row by row": func(s *servicenowtest.Server) { s.Hide("sys_journal_field", everything) },
		"the table":  func(s *servicenowtest.Server) { s.DenyReads("sys_journal_field", true) },
	} {
		t.Run(name, func(t *testing.T) {
			server, c := instance(t)
			record := create(t, c, "k", nil)
			hide(server)
			if copies, shown, err := c.Copies(t.Context(), record); err != nil || len(copies) != 0 || shown {
				t.Errorf("of an empty journal: %v, shown %t, %v", copies, shown, err)
			}
			posted, err := c.Comment(t.Context(), post(record, "mine"))
			if err != nil || !posted.Held {
				t.Fatalf("posted %+v, %v", posted, err)
			}
			copies, shown, err := c.Copies(t.Context(), record)
			if err != nil || !shown || !slices.Equal(slices.Collect(maps.Keys(copies)), []string{"m-1"}) || len(copies["m-1"]) != 1 {
				t.Errorf("copies %v, %v", copies, err)
			}
			for _, since := range []time.Time{{}, time.Now().Add(time.Hour)} {
				_, err := c.Comments(t.Context(), record, since)
				if failure := wantClass(t, err, connectors.ClassForbidden); !strings.Contains(failure.Error(), "sys_journal_field") {
					t.Errorf("it does not name the table: %v", failure)
				}
			}
		})
	}
	t.Run("some", func(t *testing.T) {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		if err := server.AddWorkNote("incident", record.Number, "anna", "anna's"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Comment(t.Context(), post(record, "mine")); err != nil {
			t.Fatal(err)
		}
		server.Hide("sys_journal_field", func(r servicenowtest.Row) bool { return strings.Contains(r["value"], "mine") })
		if seen := comments(t, c, record, time.Time{}); len(seen) != 1 || seen[0].Text != "anna's" {
			t.Errorf("seen: %+v", seen)
		}
		if seen := comments(t, c, record, time.Now().Add(time.Hour)); len(seen) != 0 {
			t.Errorf("seen since: %+v", seen)
		}
		if copies, _, err := c.Copies(t.Context(), record); err != nil || len(copies["m-1"]) != 1 {
			t.Errorf("copies: %v, %v", copies, err)
		}
	})
	t.Run("nowhere to be seen", func(t *testing.T) {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		server.Hide("sys_journal_field", everything)
		server.HideJournals(true)
		if posted, err := c.Comment(t.Context(), post(record, "mine")); err != nil || !posted.Held {
			t.Errorf("posted %+v, %v", posted, err)
		}
		server.SetRow("incident", record.Ref.ID, servicenowtest.Row{"state": "7"})
		record, err := c.Read(t.Context(), record.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if posted, err := c.Comment(t.Context(), post(record, "too late")); err != nil || posted.Held {
			t.Errorf("a closed ticket takes none: %+v, %v", posted, err)
		}
	})
}

// TestOwnEntriesAreSeen: a poll for comments says that the journal is hidden, once
// there is an entry by which that can be told, and goes on when it is shown.
func TestOwnEntriesAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		poll := func() error {
			_, _, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"incident"}, nil)
			return err
		}
		server.Hide("sys_journal_field", everything)
		if err := poll(); err != nil {
			t.Errorf("nothing was written yet: %v", err)
		}
		for range 6 {
			if _, err := c.Comment(t.Context(), post(record, "mine")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		if failure := wantClass(t, poll(), connectors.ClassForbidden); !strings.Contains(failure.Error(), "sys_journal_field") {
			t.Errorf("it does not name the table: %v", failure)
		}
		server.Hide("sys_journal_field", nil)
		if err := poll(); err != nil {
			t.Error(err)
		}
	})
}

// TestPollOfAHiddenJournal: a table that shows nothing is not read to its end,
// and what is written later is found once it may be seen.
func TestPollOfAHiddenJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		for range 600 {
			if err := server.AddWorkNote("incident", record.Number, "anna", "x"); err != nil {
				t.Fatal(err)
			}
		}
		server.Hide("sys_journal_field", everything)
		poll := func(cursor []byte) ([]connectors.Ref, []byte) {
			t.Helper()
			server.ResetRequests()
			changed, next, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"incident"}, cursor)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(server.Requests()); n > 10 {
				t.Errorf("%d requests", n)
			}
			return changed, next
		}
		_, cursor := poll(nil)
		time.Sleep(time.Hour)
		changed, cursor := poll(cursor)
		server.Hide("sys_journal_field", nil)
		if err := server.AddWorkNote("incident", record.Number, "anna", "later"); err != nil {
			t.Fatal(err)
		}
		seen, _ := poll(cursor)
		if len(changed) != 0 || !slices.Contains(seen, record.Ref) {
			t.Errorf("found %v, then %v", changed, seen)
		}
	})
}

// TestHiddenFiles: files that the user may not see are no empty list.
func TestHiddenFiles(t *testing.T) {
	server, c := instance(t)
	record := create(t, c, "k", nil)
	if files, err := c.Files(t.Context(), record); err != nil || len(files) != 0 {
		t.Errorf("without files: %v, %v", files, err)
	}
	for _, name := range []string{"a.png", "b.png"} {
		if _, err := server.Attach("incident", record.Number, "anna", name, "image/png", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	server.Hide("sys_attachment", func(r servicenowtest.Row) bool { return r["file_name"] == "a.png" })
	if files, err := c.Files(t.Context(), record); err != nil || len(files) != 1 {
		t.Errorf("one of two: %v, %v", files, err)
	}
	server.Hide("sys_attachment", everything)
	_, err := c.Files(t.Context(), record)
	if failure := wantClass(t, err, connectors.ClassForbidden); !strings.Contains(failure.Error(), "sys_attachment") {
		t.Errorf("it does not name the table: %v", failure)
	}
}
