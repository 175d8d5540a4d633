package servicenow_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/markdown"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func post(record connectors.Record, text string) connectors.NewComment {
	return connectors.NewComment{Record: record, Kind: "work_notes", Marker: "m-1", Text: text, Author: "Ann Lee", Origin: "#INC-7 timeline"}
}

func comments(t testing.TB, c *servicenow.Connector, record connectors.Record, since time.Time) []connectors.Comment {
	t.Helper()
	all, err := c.Comments(t.Context(), record, since)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestComments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		other := create(t, c, "other", nil)
		server.AddUser(servicenowtest.User{UserName: "anna", Name: "Anna Berg", Roles: []string{"itil"}})
		say := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		began := time.Now().UTC()
		say(server.AddWorkNote("incident", record.Number, "anna", "*not bold*\nsecond line"))
		say(server.AddComment("incident", record.Number, "anna", "see [code]<a href=\"https://g.example\">the graph</a>[/code] now"))
		say(server.AddWorkNote("incident", other.Number, "anna", "elsewhere"))
		say(server.AddWorkNote("incident", record.Number, "ben", "quoted\n\n(lockstep-m-1)"))
		server.ResetRequests()
		all := comments(t, c, record, time.Time{})
		if len(server.Requests()) != 3 {
			t.Errorf("%d requests, want the list, one for our own name and one for the others'", len(server.Requests()))
		}
		want := []connectors.Comment{
			{Kind: "work_notes", Author: "Anna Berg", Text: `\*not bold\*` + "\nsecond line", At: began},
			{Kind: "comments", Author: "Anna Berg", Text: "see [the graph](https://g.example) now", At: began.Add(time.Minute)},
			{Kind: "work_notes", Author: "ben", Text: "quoted\n\n(lockstep-m-1)", At: began.Add(3 * time.Minute)},
		}
		if len(all) != len(want) {
			t.Fatalf("got %d comments: %+v", len(all), all)
		}
		for i, w := range want {
			got := all[i]
			if got.ID == "" {
				t.Error("a comment without an id")
			}
			got.ID, w.At, got.At = "", w.At.Truncate(time.Second), got.At.UTC()
			if got != w {
				t.Errorf("got  %+v\nwant %+v", got, w)
			}
		}
		if late := comments(t, c, record, began.Add(time.Minute)); len(late) != 2 || late[0].ID != all[1].ID {
			t.Errorf("since the second: %+v", late)
		}
		server.DenyReads("sys_user", true)
		fresh := connect(t, server.RoundTripper(), basic())
		if got := comments(t, fresh, record, time.Time{}); got[0].Author != "anna" {
			t.Errorf("author %q where names cannot be read", got[0].Author)
		}
	})
}

// A query that drops conditions it does not know returns other entries.
func TestCommentsAreLookedAtAgain(t *testing.T) {
	server, _ := instance(t)
	c := connect(t, edit{server.RoundTripper(), func(q map[string][]string) {
		if query := q["sysparm_query"]; len(query) == 1 && strings.Contains(query[0], "element_id=") {
			q["sysparm_query"] = []string{"ORDERBYsys_created_on"}
		}
	}}, basic())
	record, other := create(t, c, "k", nil), create(t, c, "other", nil)
	for _, r := range []connectors.Record{record, other} {
		if err := server.AddWorkNote("incident", r.Number, "anna", r.Number); err != nil {
			t.Fatal(err)
		}
	}
	if got := comments(t, c, record, time.Time{}); len(got) != 1 || got[0].Text != record.Number {
		t.Errorf("got %+v", got)
	}
}

func TestComment(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"text", "5 * 3, all\nis well", "5 * 3, all\nis well"},
		{"escaped text", `snake\_case\_name`, "snake_case_name"},
		{"list", "- a\n- b", "- a\n- b"},
		{"markup", "**sad**", "[code]<p><strong>sad</strong></p>[/code]"},
		{"HTML", "<b>x</b>", "[code]<p>&lt;b&gt;x&lt;/b&gt;</p>[/code]"},
		{"code tags", "[code]<script>[/code]", "[code]<p>&#91;code]&lt;script&gt;&#91;/code]</p>[/code]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, c := instance(t)
			record := create(t, c, "k", nil)
			server.ResetRequests()
			for _, kind := range []string{"work_notes", "comments"} {
				p := post(record, test.text)
				p.Kind = kind
				posted, err := c.Comment(t.Context(), p)
				if err != nil {
					t.Fatal(err)
				}
				if next, known := c.Follows(record.Version, posted.Version); posted.ID != "" || !next || !known {
					t.Errorf("answer %+v after version %s", posted, record.Version)
				}
				record.Version = posted.Version
			}
			journal := server.Journal("incident", record.Number)
			want := "Ann Lee (#INC-7 timeline):\n\n" + test.want + "\n\n(lockstep-m-1)"
			if len(journal) != 2 || journal[0].Element != "work_notes" || journal[1].Element != "comments" || journal[0].Value != want || journal[1].Value != want {
				t.Errorf("journal %+v\nwant %q", journal, want)
			}
			if ticket := server.Ticket("incident", record.Number); ticket["correlation_display"] != "w1" {
				t.Errorf("the mark of the last write became %q", ticket["correlation_display"])
			}
		})
	}
}

func TestCommentThatIsRefused(t *testing.T) {
	server, c := instance(t)
	record := create(t, c, "k", nil)
	for _, change := range []func(*connectors.NewComment){
		func(p *connectors.NewComment) { p.Kind = "description" },
		func(p *connectors.NewComment) { p.Marker = "no good" },
		func(p *connectors.NewComment) { p.Marker = "" },
	} {
		p := post(record, "x")
		change(&p)
		_, err := c.Comment(t.Context(), p)
		wantClass(t, err, connectors.ClassRejected)
	}
	if journal := server.Journal("incident", record.Number); len(journal) != 0 {
		t.Errorf("journal %+v", journal)
	}
}

func TestLongCommentIsCut(t *testing.T) {
	for _, text := range []string{strings.Repeat("sad ", 3000), strings.Repeat("**sad** & ", 3000), "```\n" + strings.Repeat("x\n", 6000) + "```"} {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		if _, err := c.Comment(t.Context(), post(record, text)); err != nil {
			t.Fatal(err)
		}
		got := comments(t, c, record, time.Time{})
		if len(got) != 1 || got[0].Marker != "m-1" || !strings.Contains(got[0].Text, "cut here") {
			t.Fatalf("got %+v", got)
		}
		if length := len([]rune(server.Journal("incident", record.Number)[0].Value)); length > 4000 || length < 3900 {
			t.Errorf("%d characters", length)
		}
	}
}

// meaning is what a text shows, however it is written.
func meaning(text string) string {
	page := markdown.HTML(text)
	if again := markdown.FromHTML(page); again != "" {
		page = markdown.HTML(again)
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(page, "<br>", " ")), " ")
}

func TestCopyIsReadBack(t *testing.T) {
	server, c := instance(t)
	texts := []string{
		"a", "the **database** is *sad*", "snake\\_case", "## Head", "- a\n- b", "1. a\n2. b", "> said", "run `rm -rf *`", "[it](https://g.example/a_b)",
		"```\na := *b\n```", "größer 😀", "a < b", "<b>x</b>", "[code]x[/code]", "(lockstep-x)", "line\nline", "  indented", "5 * 3 * 2", "#1234", "Ann:",
	}
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		record := create(t, c, "k"+strings.Repeat("x", n%90), nil)
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(texts), 1, 4).Draw(r, "texts"), "\n\n")
		p := post(record, text)
		p.Marker = rapid.StringMatching(`[a-z0-9-]{1,40}`).Draw(r, "marker")
		if _, err := c.Comment(t.Context(), p); err != nil {
			r.Fatal(err)
		}
		got := comments(t, c, record, time.Time{})
		if len(got) != 1 || got[0].Marker != p.Marker {
			r.Fatalf("got %+v", got)
		}
		if meaning(got[0].Text) != meaning(text) {
			r.Fatalf("text %q\nread %q\nas   %q\nwas  %q\n%s", text, got[0].Text, meaning(got[0].Text), meaning(text), server.Journal("incident", record.Ref.ID)[0].Value)
		}
	})
}

func TestMarkerOfAnOAuthApplication(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		server := servicenowtest.New(options())
		c := connect(t, server.RoundTripper(), oauth())
		record := create(t, c, "k", nil)
		if _, err := c.Comment(t.Context(), post(record, "mine")); err != nil {
			t.Fatal(err)
		}
		if err := server.AddWorkNote("incident", record.Number, "anna", "x\n\ny\n\n(lockstep-m-1)"); err != nil {
			t.Fatal(err)
		}
		server.DenyReads("sys_user", hidden)
		got := comments(t, c, record, time.Time{})
		slices.SortFunc(got, func(a, b connectors.Comment) int { return strings.Compare(b.Author, a.Author) }) // both are of one second
		if len(got) != 2 || got[0].Marker != "m-1" || got[0].Text != "mine" || (got[1].Marker != "") != hidden {
			t.Errorf("users hidden %t: %+v", hidden, got)
		}
	}
}

func TestCommentOnAClosedTicketIsLost(t *testing.T) {
	server, c := instance(t)
	record := create(t, c, "k", nil)
	server.SetRow("incident", record.Ref.ID, servicenowtest.Row{"state": "7"})
	if posted, err := c.Comment(t.Context(), post(record, "too late")); err != nil || posted.Held {
		t.Errorf("the product answers with success: %+v, %v", posted, err)
	}
	if got := comments(t, c, record, time.Time{}); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestCommentFaults(t *testing.T) {
	for _, test := range []struct {
		fault simulator.Fault
		class connectors.Class
		there int
	}{
		{simulator.Fault{Kind: simulator.ResetAfter}, connectors.ClassUnclear, 1},
		{simulator.Fault{Kind: simulator.CutBody}, connectors.ClassUnclear, 1},
		{simulator.Fault{Kind: simulator.FailAfter}, connectors.ClassUnclear, 1},
		{simulator.Fault{Kind: simulator.Throttle}, connectors.ClassThrottled, 0},
		{simulator.Fault{Kind: simulator.Refuse}, connectors.ClassRetry, 0},
	} {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		test.fault.Method, test.fault.Times = http.MethodPatch, 1
		server.Inject(test.fault)
		_, err := c.Comment(t.Context(), post(record, "x"))
		wantClass(t, err, test.class)
		if got := len(server.Journal("incident", record.Number)); got != test.there {
			t.Errorf("%+v: %d entries, want %d", test.fault, got, test.there)
		}
	}
}

func TestFollows(t *testing.T) {
	_, c := instance(t)
	for _, test := range []struct {
		before, after string
		next, known   bool
	}{{"3", "4", true, true}, {"3", "5", false, true}, {"3", "3", false, true}, {"9", "10", true, true}, {"", "1", false, false}, {"3", "x", false, false}} {
		if next, known := c.Follows(test.before, test.after); next != test.next || known != test.known {
			t.Errorf("%q to %q: %t, %t", test.before, test.after, next, known)
		}
	}
}

func FuzzJournal(f *testing.F) {
	for _, seed := range []string{"plain", "[code]<b>x</b>[/code]", "[CODE][code]x[/code]", "a\n(lockstep-x)", "x:\n\ny\n\n(lockstep-m-1)", "[/code][code]", "\x00\xff", "(lockstep-x)\r\n"} {
		f.Add(seed)
	}
	server, c := instance(f)
	record := create(f, c, "k", nil)
	server.AddRow("sys_journal_field", servicenowtest.Row{"name": "incident", "element": "work_notes", "element_id": record.Ref.ID, "value": "x", "sys_created_by": servicenowtest.DefaultUsername})
	id := server.Rows("sys_journal_field")[0]["sys_id"]
	f.Fuzz(func(t *testing.T, value string) {
		server.SetRow("sys_journal_field", id, servicenowtest.Row{"value": value})
		got := comments(t, c, record, time.Time{})
		if len(got) != 1 || len(got[0].Marker) > 40 {
			t.Fatalf("got %+v", got)
		}
	})
}
