package jira_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func TestComments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := site(t)
		record := create(t, c, key, map[string]any{"project": "OPS"})
		server.Say(record.Number, "acc-ann", "first\n\nsecond", false)
		server.Say(record.Number, "acc-bo", "among us", true)
		time.Sleep(time.Minute)
		since := time.Now()
		post := connectors.NewComment{Record: record, Marker: "ls-m1", Text: "It is **down**", Author: "Jane Doe", Origin: "INC-1 update", At: time.Now()}
		for _, kind := range []string{"comment", "internal"} {
			post.Kind = kind
			posted, err := c.Comment(t.Context(), post)
			if err != nil || posted.ID == "" {
				t.Fatalf("%s: %v %v", kind, posted, err)
			}
		}
		// Somebody quotes the marker, and our account says something by itself.
		server.Say(record.Number, "acc-ann", "ls-m1", false)
		server.Say(record.Number, jiratest.Bot, "by hand", false)
		shown := func(since time.Time) []string {
			var all []string
			for _, m := range must(c.Comments(t.Context(), record, since))(t) {
				all = append(all, fmt.Sprintf("%s %s: %s [%s]", m.Kind, m.Author, m.Text, m.Marker))
			}
			return all
		}
		copied := []string{
			"comment Lockstep: **Jane Doe (INC-1 update)**\n\nIt is **down** [ls-m1]", "internal Lockstep: **Jane Doe (INC-1 update)**\n\nIt is **down** [ls-m1]",
			"comment Ann Doe: ls-m1 []", "comment Lockstep: by hand []",
		}
		if diff := cmp.Diff(append([]string{"comment Ann Doe: first\n\nsecond []", "internal Bo Roe: among us []"}, copied...), shown(time.Time{})); diff != "" {
			t.Errorf("all (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(copied, shown(since)); diff != "" {
			t.Errorf("since (-want +got):\n%s", diff)
		}
	})
}

func TestManyComments(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, nil)
	for n := range 250 {
		server.Say(record.Number, jiratest.Bot, fmt.Sprint(n), false)
	}
	all := must(c.Comments(t.Context(), record, time.Time{}))(t)
	if len(all) != 250 || all[0].Text != "0" || all[249].Text != "249" {
		t.Errorf("%d comments", len(all))
	}
}

// TestInternalStaysInternal: where there are no internal comments, none is
// sent.
func TestInternalStaysInternal(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, nil)
	_, err := c.Comment(t.Context(), connectors.NewComment{Record: record, Kind: "internal", Text: "among us"})
	if failure := wantClass(t, err, connectors.ClassRejected); failure.Code != "not_internal" {
		t.Errorf("code %s", failure.Code)
	}
	_, err = c.Comment(t.Context(), connectors.NewComment{Record: record, Kind: "work_notes", Text: "x"})
	wantClass(t, err, connectors.ClassRejected)
	if got := server.Comments(record.Number); len(got) != 0 {
		t.Errorf("comments %q", got)
	}
}

func TestLongComment(t *testing.T) {
	_, c := site(t)
	record := create(t, c, key, nil)
	must(c.Comment(t.Context(), connectors.NewComment{Record: record, Kind: "comment", Text: strings.Repeat("Many words. ", 5000)}))(t)
	all := must(c.Comments(t.Context(), record, time.Time{}))(t)
	if len(all) != 1 || !strings.Contains(all[0].Text, "cut here") {
		t.Errorf("%d comments", len(all))
	}
}

func TestFiles(t *testing.T) {
	server, c := site(t)
	record := create(t, c, key, nil)
	server.Attach(record.Number, "acc-ann", "theirs.txt", "text/plain", []byte("their bytes"))
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	added, err := c.AddFile(t.Context(), record, connectors.File{Name: `a "b"/ü.png`, Type: "image/png", Size: int64(len(content))}, iotest.OneByteReader(bytes.NewReader(content)))
	if err != nil {
		t.Fatal(err)
	}
	files := must(c.Files(t.Context(), record))(t)
	if len(files) != 2 || files[0].Ours || !files[1].Ours || files[1].ID != added.ID || files[1].Size != int64(len(content)) || files[1].Type != "image/png" || files[1].At.IsZero() {
		t.Fatalf("%+v, added %+v", files, added)
	}
	for i, want := range []string{"their bytes", string(content)} {
		from := must(c.OpenFile(t.Context(), record, files[i]))(t)
		got, err := io.ReadAll(from)
		from.Close()
		if err != nil || string(got) != want {
			t.Errorf("file %d: %d bytes, %v", i, len(got), err)
		}
	}
	for _, id := range []string{"999", "../x", ""} {
		_, err := c.OpenFile(t.Context(), record, connectors.File{ID: id})
		wantClass(t, err, connectors.ClassGone)
	}
}

func TestFilesRefused(t *testing.T) {
	o := options()
	o.UploadLimit = 10
	server := jiratest.New(o)
	c := connect(t, server.RoundTripper(), nil)
	record := create(t, c, key, nil)
	add := func(size int64, content string) error {
		_, err := c.AddFile(t.Context(), record, connectors.File{Name: "a", Type: "text/plain", Size: size}, strings.NewReader(content))
		return err
	}
	if failure := wantClass(t, add(11, "12345678901"), connectors.ClassRejected); failure.Code != "too_large" {
		t.Errorf("code %s", failure.Code)
	}
	wantClass(t, add(5, "1234"), connectors.ClassRetry)
	wantClass(t, add(5, "123456"), connectors.ClassRetry)
	if n := len(server.Files(record.Number)); n != 0 {
		t.Errorf("%d files", n)
	}
	if err := add(0, ""); err != nil {
		t.Errorf("an empty file: %v", err)
	}
	if err := add(10, "1234567890"); err != nil {
		t.Errorf("a file of the limit: %v", err)
	}
	server.Inject(simulator.Fault{Kind: simulator.ResetAfter, Method: "POST", Times: 1})
	wantClass(t, add(3, "abc"), connectors.ClassUnclear)
}

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := site(t)
		record := create(t, c, key, map[string]any{"labels": []any{"a"}, "custom_fields/Story Points": 1, "description": "one"})
		edit := func(fields map[string]any) {
			t.Helper()
			time.Sleep(time.Minute)
			if err := server.Edit(record.Number, "acc-ann", fields); err != nil {
				t.Fatal(err)
			}
		}
		edit(map[string]any{"summary": "Else"})
		since := time.Now().Add(time.Second)
		edit(map[string]any{"assignee": map[string]any{"accountId": "acc-bo"}})
		edit(map[string]any{"labels": []any{"b", "c"}})
		edit(map[string]any{"customfield_10016": 2})
		edit(map[string]any{"description": jiratest.Document("two")})
		time.Sleep(time.Minute)
		update(t, c, record.Ref, "ls-2", map[string]any{"status": "In Progress"})
		var got []string
		for _, change := range must(c.History(t.Context(), record, since))(t) {
			got = append(got, fmt.Sprintf("%s: %v to %v by %s %t", change.Field, change.Old, change.New, change.By, change.Ours))
		}
		want := []string{
			"assignee: <nil> to acc-bo by Ann Doe false", "labels: [a] to [b c] by Ann Doe false",
			"customfield_10016: 1 to 2 by Ann Doe false", "custom_fields/Story Points: 1 to 2 by Ann Doe false",
			"description: <nil> to <nil> by Ann Doe false", "status: To Do to In Progress by Lockstep true",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if all := must(c.History(t.Context(), record, time.Time{}))(t); len(all) <= len(got) {
			t.Errorf("%d changes of all, %d since", len(all), len(got))
		}
	})
}
