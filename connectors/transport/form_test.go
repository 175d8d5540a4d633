package transport_test

import (
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// TestFileForm: a form is read back as the file, and as long as it says.
func TestFileForm(t *testing.T) {
	for _, test := range []struct{ name, kind, wantName, wantKind string }{
		{"a.txt", "text/plain", "a.txt", "text/plain"},
		{"../a\"b\r\n.txt", "text/plain\r\nX-More: x", ".._a%22b%0D%0A.txt", "application/octet-stream"},
		{"ä.txt", "", "ä.txt", "application/octet-stream"},
	} {
		form, contentType := transport.FileForm("file", connectors.File{Name: test.name, Type: test.kind, Size: 5}, strings.NewReader("hello"))
		body, err := io.ReadAll(form.Content)
		if err != nil || int64(len(body)) != form.Size {
			t.Errorf("%q: %d bytes of %d, %v", test.name, len(body), form.Size, err)
		}
		_, parameters, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		reader := multipart.NewReader(strings.NewReader(string(body)), parameters["boundary"])
		part, err := reader.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil || string(content) != "hello" || part.FormName() != "file" || part.FileName() != test.wantName || part.Header.Get("Content-Type") != test.wantKind {
			t.Errorf("%q: %q as %q, %q, %v", test.name, content, part.FileName(), part.Header, err)
		}
		if _, err := reader.NextPart(); err != io.EOF {
			t.Errorf("%q: more than one part: %v", test.name, err)
		}
	}
}
