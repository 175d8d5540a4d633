package transport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// sniffed is how much of a content shows whether it is a web page.
const sniffed = 512

const notTheFile = "a web page came in place of the file; the system may be hibernating or behind a log-in page"

// OpenFile is Open for the content of a file, which is held to what the system
// has said of it: its type, size and hash. What does not agree is not the file:
// the failure is ClassRetry, at the beginning where it shows there, else at the
// end. The request's Op and Record are those of every failure.
func (c *Client) OpenFile(ctx context.Context, r Request, file connectors.File) (io.ReadCloser, error) {
	content, header, err := c.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	fail := func(message string) error {
		return &connectors.Error{Class: connectors.ClassRetry, Op: r.Op, Record: r.Record, Message: message, Own: true}
	}
	size := int64(-1)
	if n, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil && header.Get("Content-Encoding") == "" {
		size = n
	}
	head := make([]byte, sniffed)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		content.Close()
		return nil, err
	}
	head = head[:n]
	declared := strings.ToLower(file.Type)
	page := isWebPage(header) || shows(declared) && strings.HasPrefix(http.DetectContentType(head), "text/html")
	sameSize := file.Size > 0 && size == file.Size
	switch {
	case page && !sameSize && !strings.Contains(declared, "html"):
		content.Close()
		return nil, fail(notTheFile)
	case file.Size > 0 && size >= 0 && !sameSize:
		content.Close()
		return nil, fail(fmt.Sprintf("the content has %d bytes, and the file %d", size, file.Size))
	}
	return &checked{Reader: io.MultiReader(bytes.NewReader(head), content), Closer: content, file: file, hash: sha256.New(), fail: fail}, nil
}

// shows reports whether a media type is of what people look at or listen to, which
// never begins as a web page does; a text may.
func shows(mediaType string) bool {
	kind, _, _ := strings.Cut(mediaType, "/")
	return kind == "image" || kind == "audio" || kind == "video"
}

// checked is a content that is compared with its file once it was read to its
// end.
type checked struct {
	io.Reader
	io.Closer
	file connectors.File
	hash hash.Hash
	size int64
	fail func(message string) error
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.size += int64(n)
	c.hash.Write(p[:n])
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	switch {
	case c.file.Size > 0 && c.size != c.file.Size:
		err = c.fail(fmt.Sprintf("the content has %d bytes, and the file %d", c.size, c.file.Size))
	case c.file.Hash != "" && hex.EncodeToString(c.hash.Sum(nil)) != c.file.Hash:
		err = c.fail("the content is not the file's: its hash is another")
	}
	return n, err
}
