package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

var _ connectors.FileWriter = (*Connector)(nil)

type attachment struct {
	ID      json.RawMessage `json:"id"` // text, or a number
	Name    string          `json:"filename"`
	Type    string          `json:"mimeType"`
	Size    int64           `json:"size"`
	Created json.RawMessage `json:"created"` // a time, or milliseconds
	Author  user            `json:"author"`
}

func (c *Connector) file(ctx context.Context, a attachment, me string) connectors.File {
	id := strings.Trim(string(a.ID), `"`)
	at, ok := moment(strings.Trim(string(a.Created), `"`))
	if !ok {
		at, _ = moment(json.Number(a.Created))
	}
	address := c.siteURL(ctx)
	if address != "" {
		address += api + "/attachment/content/" + id
	}
	return connectors.File{
		ID: id, Name: a.Name, Type: a.Type, Size: a.Size, At: at, Ours: a.Author.AccountID == me,
		URL: address,
	}
}

// Files lists what is attached to an issue.
func (c *Connector) Files(ctx context.Context, record connectors.Record) ([]connectors.File, error) {
	const op = "files"
	if failure := checkRef(op, record.Ref); failure != nil {
		return nil, failure
	}
	me, err := c.me(ctx)
	if err != nil {
		return nil, err
	}
	var issue struct {
		Fields struct {
			Attachments []attachment `json:"attachment"`
		} `json:"fields"`
	}
	query := url.Values{"fields": {"attachment"}}
	if err := c.get(ctx, op, record.Ref.String(), "/issue/"+record.Ref.ID, query, &issue); err != nil {
		return nil, err
	}
	files := make([]connectors.File, 0, len(issue.Fields.Attachments))
	for _, a := range issue.Fields.Attachments {
		files = append(files, c.file(ctx, a, me))
	}
	slices.SortStableFunc(files, func(a, b connectors.File) int { return a.At.Compare(b.At) })
	return files, nil
}

// OpenFile streams the content of an attachment. Jira answers with a redirect
// to its media host, which gets no credentials.
func (c *Connector) OpenFile(ctx context.Context, record connectors.Record, file connectors.File) (io.ReadCloser, error) {
	const op = "file"
	if strings.Trim(file.ID, "0123456789") != "" || file.ID == "" {
		return nil, &connectors.Error{Class: connectors.ClassGone, Op: op, Record: record.Ref.String(), Code: "not_found", Message: "this is not an id of an attachment"}
	}
	return c.stream(ctx, transport.Request{
		Op: op, Record: record.Ref.String(), Method: http.MethodGet, Path: api + "/attachment/content/" + file.ID,
		Header: http.Header{"Accept": {"*/*"}}, Follow: true,
	}, file)
}

// AddFile attaches a file, as the one part of a form. What the site would
// refuse for its size is not sent.
func (c *Connector) AddFile(ctx context.Context, record connectors.Record, file connectors.File, content io.Reader) (connectors.File, error) {
	const op = "attach"
	ref := record.Ref
	if failure := checkRef(op, ref); failure != nil {
		return connectors.File{}, failure
	}
	limits, err := c.known.limits.Fetch("", func() (attachmentLimits, error) {
		var l attachmentLimits
		err := c.get(ctx, op, c.name, "/attachment/meta", nil, &l)
		return l, err
	})
	if err != nil {
		return connectors.File{}, connectors.NotSent(err)
	}
	switch {
	case !limits.Enabled:
		return connectors.File{}, connectors.Rejected(op, ref.String(), "", "attachments_off", "the site takes no attachments")
	case limits.Most > 0 && file.Size > limits.Most:
		return connectors.File{}, connectors.Rejected(op, ref.String(), "", "too_large",
			fmt.Sprintf("the file has %d bytes, and the site takes %d", file.Size, limits.Most))
	}
	me, err := c.me(ctx)
	if err != nil {
		return connectors.File{}, connectors.NotSent(err)
	}
	form, contentType := transport.FileForm("file", file, content)
	var added []attachment
	_, err = c.do(ctx, transport.Request{
		Op: op, Record: ref.String(), Method: http.MethodPost, Path: api + "/issue/" + ref.ID + "/attachments",
		Header:      http.Header{"X-Atlassian-Token": {"no-check"}},
		ContentType: contentType,
		Stream:      form,
		Into:        &added,
	}, ref.ID)
	if err != nil {
		return connectors.File{}, err
	}
	if len(added) != 1 {
		return connectors.File{}, connectors.Unclear(op, ref.String(), "the answer names no attachment")
	}
	return c.file(ctx, added[0], me), nil
}
