package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// What hangs on the world's records: comments, files and links.
type hanging struct {
	comments []connectors.Comment
	files    []connectors.File
	content  map[string][]byte
	links    []string
}

// markOf is how the world keeps a marker in the text of a comment.
func markOf(marker string) string { return "\n(ls-" + marker + ")" }

// say adds a comment, as a person.
func (w *world) say(ref connectors.Ref, kind, author, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.comment(ref, connectors.Comment{Kind: kind, Author: author, Text: text})
}

// comment needs the lock. A ticket in 7 drops it without a word.
func (w *world) comment(ref connectors.Ref, c connectors.Comment) string {
	t := w.records[ref]
	if ref.Collection == tickets && t.fields["state"] == int64(7) {
		return ""
	}
	w.next++
	c.ID, c.At = fmt.Sprintf("c%04d", w.next), time.Now().UTC().Truncate(time.Second)
	t.comments = append(t.comments, c)
	t.version++
	w.items = append(w.items, ref)
	return c.ID
}

// said are the comments of a record, as "kind author: text".
func (w *world) said(ref connectors.Ref) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, c := range w.records[ref].comments {
		text, _, _ := strings.Cut(c.Text, "\n(ls-")
		all = append(all, c.Kind+" "+c.Author+": "+text)
	}
	return all
}

// attach hangs a file on a record, as a person.
func (w *world) attach(ref connectors.Ref, name, kind string, content []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	t, id := w.records[ref], fmt.Sprintf("f%04d", w.next)
	if t.content == nil {
		t.content = map[string][]byte{}
	}
	t.content[id] = content
	t.files = append(t.files, connectors.File{
		ID: id, Name: name, Type: kind, Size: int64(len(content)), URL: "https://fake.example/files/" + id, At: time.Now().UTC(),
	})
	w.items = append(w.items, ref)
}

func (w *world) linksOf(ref connectors.Ref) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.records[ref].links)
}

func (c *client) Comments(ctx context.Context, record connectors.Record, since time.Time) ([]connectors.Comment, error) {
	var all []connectors.Comment
	_, err := c.call(ctx, "list", record.Ref.String(), func() (connectors.Record, error) {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		for _, said := range c.w.records[record.Ref].comments {
			if said.At.Before(since) {
				continue
			}
			if text, marker, ok := strings.Cut(said.Text, "\n(ls-"); ok && said.Author == "lockstep" {
				said.Text, said.Marker = text, strings.TrimSuffix(marker, ")")
			}
			all = append(all, said)
		}
		return connectors.Record{}, nil
	})
	return all, err
}

func (c *client) Comment(ctx context.Context, post connectors.NewComment) (connectors.CommentReceipt, error) {
	answer, err := c.call(ctx, "comment", post.Record.Ref.String(), func() (connectors.Record, error) {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		if c.w.records[post.Record.Ref] == nil {
			return c.w.read(post.Record.Ref)
		}
		if c.w.once {
			for _, said := range c.w.records[post.Record.Ref].comments {
				if strings.HasSuffix(said.Text, markOf(post.Marker)) {
					return connectors.Record{Number: said.ID}, nil
				}
			}
		}
		id := c.w.comment(post.Record.Ref, connectors.Comment{
			Kind: post.Kind, Author: "lockstep", Text: post.Author + ", " + post.Origin + ": " + post.Text + markOf(post.Marker),
		})
		return connectors.Record{Number: id}, nil
	})
	if post.Record.Ref.Collection != incidents {
		return connectors.CommentReceipt{}, err // tickets do not tell
	}
	return connectors.CommentReceipt{ID: answer.Number}, err
}

func (c *client) CommentsOnce() bool { return c.w.once }

// PollItems: the cursor is how many items were seen.
func (c *client) PollItems(_ context.Context, _ connectors.Items, records []string, cursor []byte) ([]connectors.Ref, []byte, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	seen := len(c.w.items)
	if cursor != nil {
		if err := json.Unmarshal(cursor, &seen); err != nil {
			return nil, nil, err
		}
	}
	var refs []connectors.Ref
	for _, ref := range c.w.items[seen:] {
		if ref.Connector == c.name && slices.Contains(records, ref.Record) {
			refs = append(refs, ref)
		}
	}
	next, err := json.Marshal(len(c.w.items))
	return refs, next, err
}

func (c *client) Files(ctx context.Context, record connectors.Record) ([]connectors.File, error) {
	var all []connectors.File
	_, err := c.call(ctx, "list files", record.Ref.String(), func() (connectors.Record, error) {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		all = slices.Clone(c.w.records[record.Ref].files)
		return connectors.Record{}, nil
	})
	return all, err
}

func (c *client) OpenFile(ctx context.Context, record connectors.Record, file connectors.File) (io.ReadCloser, error) {
	var content []byte
	_, err := c.call(ctx, "open", record.Ref.String(), func() (connectors.Record, error) {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		content = c.w.records[record.Ref].content[file.ID]
		return connectors.Record{}, nil
	})
	return io.NopCloser(bytes.NewReader(content)), err
}

// TakesLink: the world's incidents show links where the test wants it.
func (c *client) TakesLink(record string, link connectors.WebLink) bool {
	return record == "incident" && (c.w.showsTickets || !link.Ticket)
}

func (c *client) WebLinks(ctx context.Context, record connectors.Record) ([]string, error) {
	_, err := c.call(ctx, "list links", record.Ref.String(), func() (connectors.Record, error) { return connectors.Record{}, nil })
	return c.w.linksOf(record.Ref), err
}

func (c *client) AddWebLink(ctx context.Context, record connectors.Record, link connectors.WebLink) error {
	_, err := c.call(ctx, "attach", record.Ref.String(), func() (connectors.Record, error) {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		t := c.w.records[record.Ref]
		t.links = append(t.links, link.URL)
		return connectors.Record{}, nil
	})
	return err
}

// A maskedClient is one to which no comment of a record is shown.
type maskedClient struct{ *client }

func (c maskedClient) Comments(ctx context.Context, record connectors.Record, _ time.Time) ([]connectors.Comment, error) {
	if record.Ref.Collection == incidents { // but there
		return c.client.Comments(ctx, record, time.Time{})
	}
	return nil, nil
}

func (c maskedClient) Copies(ctx context.Context, record connectors.Record) (map[string][]string, bool, error) {
	_, err := c.call(ctx, "list", record.Ref.String(), func() (connectors.Record, error) { return connectors.Record{}, nil })
	return nil, false, err
}

// Comment tells that the ticket was written, as ServiceNow does.
func (c maskedClient) Comment(ctx context.Context, post connectors.NewComment) (connectors.CommentReceipt, error) {
	posted, err := c.client.Comment(ctx, post)
	posted.Held = err == nil
	return posted, err
}
