package transport

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestOpenFile: a content that is not what the file was said to be is worth another
// try, and never taken for it.
func TestOpenFile(t *testing.T) {
	const picture, page = "\x89PNG\r\n\x1a\n picture", "<!DOCTYPE html><title>Log in</title>"
	hashOf := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	whole := connectors.File{Type: "image/png", Size: int64(len(picture)), Hash: hashOf(picture)}
	for name, test := range map[string]struct {
		file    connectors.File
		content string
		header  []string
		want    string // of the failure; "": the content is whole
	}{
		"the file":                    {whole, picture, nil, ""},
		"nothing is known of it":      {connectors.File{}, picture, nil, ""},
		"a page":                      {whole, page, []string{"Content-Type", "text/html"}, notTheFile},
		"a page, said to be a file":   {whole, page, []string{"Content-Type", "image/png"}, notTheFile},
		"a page of no known size":     {connectors.File{Type: "image/png"}, page, nil, notTheFile},
		"a text that looks like one":  {connectors.File{Type: "text/plain"}, page, []string{"Content-Type", "text/plain"}, ""},
		"a page that is the file":     {connectors.File{Type: "text/html", Size: int64(len(page))}, page, []string{"Content-Type", "text/html"}, ""},
		"a page said to be a picture": {connectors.File{Type: "image/png", Size: int64(len(page))}, page, []string{"Content-Type", "text/html"}, ""},
		"another size":                {whole, picture + "s", nil, "the content has 17 bytes, and the file 16"},
		"another size, sent in chunks": {
			whole, picture + "s", []string{"Transfer-Encoding", "chunked"}, "the content has 17 bytes, and the file 16",
		},
		"another hash": {connectors.File{Type: "image/png", Size: whole.Size, Hash: hashOf("x")}, picture, nil, "its hash is another"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newSystem(t, answer(200, test.content, test.header...)).client(t, nil)
				content, err := c.OpenFile(t.Context(), read, test.file)
				if err == nil {
					var got []byte
					got, err = io.ReadAll(content)
					content.Close()
					if test.want == "" && string(got) != test.content {
						t.Errorf("read %q", got)
					}
				}
				var failure *connectors.Error
				switch {
				case test.want == "" && err != nil, test.want != "" && err == nil:
					t.Errorf("the failure is %v, want %q", err, test.want)
				case test.want != "" && (!errors.As(err, &failure) || failure.Class != connectors.ClassRetry || !strings.Contains(err.Error(), test.want)):
					t.Errorf("the failure is %v, want %q", err, test.want)
				}
			})
		})
	}
}
