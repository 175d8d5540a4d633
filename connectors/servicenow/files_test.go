package servicenow_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func TestFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		content := bytes.Repeat([]byte("graph"), 100_000)
		id, err := server.Attach("incident", record.Number, "anna", "graph.png", "image/png", content)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now().UTC().Truncate(time.Second)
		time.Sleep(time.Minute)
		made, err := c.AddFile(t.Context(), record, connectors.File{Name: "größe & co.txt", Type: "text/plain", Size: 5}, iotest.OneByteReader(strings.NewReader("bytes")))
		if err != nil {
			t.Fatal(err)
		}
		if after, err := c.Read(t.Context(), record.Ref); err != nil || after.Version != record.Version {
			t.Errorf("a file made version %s of %s, %v", after.Version, record.Version, err)
		}
		// Neither of these is in the ticket's list of files.
		server.AddRow("sys_attachment", servicenowtest.Row{"table_name": "ZZ_YYincident", "table_sys_id": record.Ref.ID, "file_name": "field.png"})
		server.AddRow("sys_attachment", servicenowtest.Row{"table_name": "incident", "table_sys_id": record.Ref.ID, "file_name": "virus.png", "state": "not_available"})
		files, err := c.Files(t.Context(), record)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		want := connectors.File{
			ID: id, Name: "graph.png", Type: "image/png", Size: int64(len(content)), Hash: hex.EncodeToString(sum[:]),
			URL: servicenowtest.DefaultURL + "/sys_attachment.do?sys_id=" + id, At: at,
		}
		if len(files) != 2 || files[0] != want || files[1] != made || !made.Ours || made.Name != "größe & co.txt" || made.Size != 5 {
			t.Errorf("got  %+v\nwant %+v and %+v", files, want, made)
		}
		opened, err := c.OpenFile(t.Context(), record, files[0])
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(opened)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestFilesOfAnOAuthApplication(t *testing.T) {
	server := servicenowtest.New(options())
	c := connect(t, server.RoundTripper(), oauth())
	record := create(t, c, "k", nil)
	if _, err := c.AddFile(t.Context(), record, connectors.File{Name: "a.png", Size: 1}, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Attach("incident", record.Number, "anna", "b.png", "image/png", []byte("y")); err != nil {
		t.Fatal(err)
	}
	files, err := connect(t, server.RoundTripper(), oauth()).Files(t.Context(), record)
	if err != nil || len(files) != 2 || files[0].Ours != (files[0].Name == "a.png") || files[1].Ours != (files[1].Name == "a.png") {
		t.Errorf("got %+v, %v", files, err)
	}
}

func TestFileNamesAreCut(t *testing.T) {
	server, c := instance(t)
	record := create(t, c, "k", nil)
	for name, want := range map[string]string{
		strings.Repeat("n", 200) + ".png": strings.Repeat("n", 95) + "….png",
		"a\nb.png":                        "a b.png",
		"":                                "file",
	} {
		made, err := c.AddFile(t.Context(), record, connectors.File{Name: name, Type: "image/png\r\nX-Own: y", Size: 1}, strings.NewReader("x"))
		if err != nil || made.Name != want {
			t.Errorf("%q became %q, %v", name, made.Name, err)
		}
	}
	if got := server.Attachments("incident", record.Number)[0].ContentType; strings.ContainsAny(got, "\r\n") {
		t.Errorf("type %q", got)
	}
}

func TestFileThatTheInstanceDoesNotTake(t *testing.T) {
	o := options()
	o.MaxAttachment, o.AttachmentExtensions = 4, []string{"png"}
	server := servicenowtest.New(o)
	c := connect(t, server.RoundTripper(), basic())
	record := create(t, c, "k", nil)
	for name, want := range map[string]string{"long.png": "File size exceeds", "a.exe": "not allowed"} {
		content := strings.TrimSuffix(name, ".png")[:4]
		if name == "long.png" {
			content = "bytes"
		}
		_, err := c.AddFile(t.Context(), record, connectors.File{Name: name, Type: "image/png", Size: int64(len(content))}, strings.NewReader(content))
		if failure := wantClass(t, err, connectors.ClassRejected); !strings.Contains(failure.Message, want) {
			t.Errorf("%s: %v", name, failure)
		}
	}
	if made, err := c.AddFile(t.Context(), record, connectors.File{Name: "a.png", Type: "image/png", Size: 4}, strings.NewReader("byte")); err != nil || made.Size != 4 {
		t.Errorf("got %+v, %v", made, err)
	}
}

func TestFileFaults(t *testing.T) {
	for _, test := range []struct {
		name    string
		fault   simulator.Fault
		content io.Reader
		class   connectors.Class
		there   int
	}{
		{"answer lost", simulator.Fault{Kind: simulator.ResetAfter, Times: 1}, strings.NewReader("bytes"), connectors.ClassUnclear, 1},
		{"answer cut", simulator.Fault{Kind: simulator.CutBody, Times: 1}, strings.NewReader("bytes"), connectors.ClassUnclear, 1},
		{"throttled", simulator.Fault{Kind: simulator.Throttle, Times: 1}, strings.NewReader("bytes"), connectors.ClassThrottled, 0},
		{"too large", simulator.Fault{Kind: simulator.FailBefore, Status: 413, Times: 1}, strings.NewReader("bytes"), connectors.ClassRejected, 0},
		{"short", simulator.Fault{Kind: simulator.Latency, Times: 1}, strings.NewReader("byte"), connectors.ClassRetry, 0},
		{"long", simulator.Fault{Kind: simulator.Latency, Times: 1}, strings.NewReader("bytes and more"), connectors.ClassRetry, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, c := instance(t)
			record := create(t, c, "k", nil)
			test.fault.Method = http.MethodPost
			server.Inject(test.fault)
			_, err := c.AddFile(t.Context(), record, connectors.File{Name: "a.png", Type: "image/png", Size: 5}, test.content)
			wantClass(t, err, test.class)
			if got := len(server.Attachments("incident", record.Number)); got != test.there {
				t.Errorf("%d files, want %d", got, test.there)
			}
		})
	}
	t.Run("download", func(t *testing.T) {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		id, err := server.Attach("incident", record.Number, "anna", "a.png", "image/png", []byte("content"))
		if err != nil {
			t.Fatal(err)
		}
		server.Inject(simulator.Fault{Kind: simulator.CutBody, Times: 1, Path: "/file"})
		opened, err := c.OpenFile(t.Context(), record, connectors.File{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(opened)
		wantClass(t, err, connectors.ClassUnclear)
		opened.Close()
		for _, no := range []string{"00000000000000000000000000000000", "../../table/sys_user", ""} {
			_, err = c.OpenFile(t.Context(), record, connectors.File{ID: no})
			wantClass(t, err, connectors.ClassGone)
		}
	})
}
