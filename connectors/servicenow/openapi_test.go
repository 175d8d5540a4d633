package servicenow_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/conformance"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func newJudge(t *testing.T, to http.RoundTripper) *conformance.Judge {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(shared(t, "specs/servicenow.openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	description, err := conformance.NewDescription(document, servicenowtest.DefaultURL)
	if err != nil {
		t.Fatal(err)
	}
	return description.Judge(t, to)
}

// TestAgainstTheDescription holds connector and simulator together against the
// API's description.
func TestAgainstTheDescription(t *testing.T) {
	server := servicenowtest.New(options())
	j := newJudge(t, server.RoundTripper())
	lisa := server.AddUser(servicenowtest.User{UserName: "lisa", Name: "Lisa", Email: "lisa@incident.io"})
	record := connectors.Record{}
	for _, settings := range []*servicenow.Settings{basic(), oauth(), passwordGrant()} {
		record = create(t, connect(t, j, settings), "k", map[string]any{"caller_id": lisa, "urgency": int64(1)})
	}
	c := connect(t, j, basic())
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(probe(ctx, c))
	_, err := c.Read(ctx, record.Ref)
	must(err)
	_, err = c.Update(ctx, connectors.Change{Ref: record.Ref, Stamp: "w", Fields: map[string]any{"description": "x"}})
	must(err)
	_, err = c.FindByKey(ctx, incidents, "k")
	must(err)
	_, cursor, err := c.Poll(ctx, incidents, nil)
	must(err)
	_, _, err = c.Poll(ctx, incidents, cursor)
	must(err)
	_, _, err = c.Resolve(ctx, "incident", map[string]any{"caller_id": lookup("email", "lisa@incident.io"), "u_x": lookup("name", "x")})
	must(err)
	_, err = c.Advise(ctx, uses())
	must(err)

	_, err = c.Read(ctx, incidents.Ref("00000000000000000000000000000000"))
	wantClass(t, err, connectors.ClassGone)
	_, err = c.Update(ctx, connectors.Change{Ref: record.Ref, Stamp: "w", Fields: map[string]any{"state": int64(6)}})
	wantClass(t, err, connectors.ClassRejected)
	_, err = c.Create(ctx, connectors.Draft{Collection: connectors.Collection{Record: "nothing"}, Key: "k"})
	wantClass(t, err, connectors.ClassRejected)
	wrong := basic()
	nobody := "nobody"
	wrong.Username = &nobody
	wantClass(t, probe(ctx, connect(t, j, wrong)), connectors.ClassUnauthorised)
	refused := oauth()
	refused.OAuth.ClientSecret = "wrong"
	wantClass(t, probe(ctx, connect(t, j, refused)), connectors.ClassUnauthorised)

	judgeItems(t, c, record)
	judgeRest(t, j, record.Ref.ID)
	server.Inject(simulator.Fault{Kind: simulator.FailAfter, Times: 1, Method: "PATCH"})
	_, err = c.Update(ctx, connectors.Change{Ref: record.Ref, Stamp: "w2"})
	wantClass(t, err, connectors.ClassUnclear)
	server.Inject(simulator.Fault{Kind: simulator.Throttle, Times: 1})
	wantClass(t, probe(ctx, c), connectors.ClassThrottled)

	j.Want(
		"listRecords OK", "createRecord Created", "getRecord OK", "patchRecord OK", "oauthToken OK", "getRecord Not Found", "patchRecord Forbidden",
		"createRecord Bad Request", "listRecords Unauthorized", "oauthToken Unauthorized", "patchRecord Internal Server Error", "listRecords Too Many Requests",
		"uploadAttachmentBinary Created", "listAttachments OK", "getAttachment OK", "downloadAttachment OK", "deleteAttachment No Content", "updateRecord OK", "deleteRecord Forbidden",
	)
}

// judgeItems has the connector carry comments and files.
func judgeItems(t *testing.T, c *servicenow.Connector, record connectors.Record) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	_, err := c.Comment(ctx, post(record, "**sad**"))
	must(err)
	if got := comments(t, c, record, time.Now().Add(-time.Hour)); len(got) != 1 {
		t.Errorf("comments %+v", got)
	}
	made, err := c.AddFile(ctx, record, connectors.File{Name: "a.png", Type: "image/png", Size: 5}, strings.NewReader("bytes"))
	must(err)
	files, err := c.Files(ctx, record)
	must(err)
	if len(files) != 1 || files[0] != made {
		t.Errorf("files %+v, want %+v", files, made)
	}
	opened, err := c.OpenFile(ctx, record, made)
	must(err)
	if got, err := io.ReadAll(opened); err != nil || string(got) != "bytes" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	must(opened.Close())
	for _, items := range []connectors.Items{connectors.CommentItems, connectors.AttachmentItems} {
		_, cursor, err := c.PollItems(ctx, items, []string{"incident"}, nil)
		must(err)
		_, _, err = c.PollItems(ctx, items, []string{"incident"}, cursor)
		must(err)
	}
}

// judgeRest sends what the connector does not: an attachment's own row, display values,
// PUT, DELETE.
func judgeRest(t *testing.T, j *conformance.Judge, id string) {
	t.Helper()
	send := func(method, path, contentType, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, servicenowtest.DefaultURL+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(servicenowtest.DefaultUsername, secrets[0])
		r.Header.Set("Accept", "*/*")
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		response, err := j.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.Header.Get("Location") + string(answer)
	}
	send("GET", "/api/now/table/incident?sysparm_display_value=all&sysparm_limit=1&sysparm_offset=1", "", "")
	send("GET", "/api/now/table/incident/"+id+"?sysparm_display_value=true", "", "")
	send("GET", "/api/now/table/incident/"+id, "", "")
	send("PUT", "/api/now/table/incident/"+id, "application/json", `{"work_notes":"a note"}`)
	send("GET", "/api/now/table/sys_journal_field?sysparm_query=element_id="+id, "", "")
	location := send("POST", "/api/now/attachment/file?table_name=incident&table_sys_id="+id+"&file_name=a.png", "image/png", "bytes")
	file := location[len(servicenowtest.DefaultURL+"/api/now/attachment/"):][:32]
	send("GET", "/api/now/attachment?sysparm_query=table_sys_id="+id, "", "")
	send("GET", "/api/now/attachment/"+file, "", "")
	if got := send("GET", "/api/now/attachment/"+file+"/file", "", ""); got != "bytes" {
		t.Errorf("the file holds %q", got)
	}
	send("DELETE", "/api/now/attachment/"+file, "", "")
	send("DELETE", "/api/now/table/incident/"+id, "", "")
}
