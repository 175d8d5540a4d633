package ruletest

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"mime"
	"net/url"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// What hangs on records: comments, files, and pages in the place of files.

func (c *client) Comments(_ context.Context, record connectors.Record, since time.Time) ([]connectors.Comment, error) {
	return locked(c, func(w *world) ([]connectors.Comment, error) {
		t := w.things[record.Ref]
		if t == nil {
			_, err := w.read(record.Ref)
			return nil, err
		}
		return slices.DeleteFunc(slices.Clone(t.comments), func(c connectors.Comment) bool { return c.At.Before(since) }), nil
	})
}

func (c *client) Comment(_ context.Context, post connectors.NewComment) (connectors.CommentReceipt, error) {
	return locked(c, func(w *world) (connectors.CommentReceipt, error) {
		t := w.things[post.Record.Ref]
		if t == nil {
			_, err := w.read(post.Record.Ref)
			return connectors.CommentReceipt{}, err
		}
		if post.Kind == "" {
			post.Kind = w.schema(post.Record.Ref.Collection).CommentKinds[0]
		}
		id := w.say(t, connectors.Comment{Kind: post.Kind, Author: lockstep, Text: post.Text, Marker: post.Marker})
		w.wrote(post.Record.Ref, "comment", nil, post.Kind+" "+jsonOf(post.Text))
		return connectors.CommentReceipt{ID: id, Version: strconv.Itoa(t.version)}, nil
	})
}

// say adds a comment to a thing. w.mu is held.
func (w *world) say(t *thing, comment connectors.Comment) (id string) {
	w.items++
	comment.ID, comment.At = strconv.Itoa(w.items), w.now().UTC()
	t.comments = append(t.comments, comment)
	w.touch(t, comment.Author)
	return comment.ID
}

func (c *client) Files(_ context.Context, record connectors.Record) ([]connectors.File, error) {
	return locked(c, func(w *world) ([]connectors.File, error) {
		t := w.things[record.Ref]
		if t == nil {
			_, err := w.read(record.Ref)
			return nil, err
		}
		var all []connectors.File
		for _, f := range t.files {
			all = append(all, f.File)
		}
		return all, nil
	})
}

func (c *client) OpenFile(_ context.Context, record connectors.Record, wanted connectors.File) (io.ReadCloser, error) {
	return locked(c, func(w *world) (io.ReadCloser, error) {
		if t := w.things[record.Ref]; t != nil {
			for _, f := range t.files {
				if f.ID == wanted.ID {
					return io.NopCloser(bytes.NewReader(f.content)), nil
				}
			}
		}
		return nil, &connectors.Error{Class: connectors.ClassGone, Op: "open", Record: record.Ref.String(), Message: "there is no such file"}
	})
}

// attach hangs a file on a thing. w.mu is held.
func (w *world) attach(t *thing, name, kind string, content []byte, ours bool) connectors.File {
	w.items++
	f := connectors.File{
		ID: strconv.Itoa(w.items), Name: name, Type: cmp.Or(kind, mime.TypeByExtension(path.Ext(name))), Size: int64(len(content)),
		URL: t.record.URL + "/attachments/" + url.PathEscape(name), At: w.now().UTC(), Ours: ours,
	}
	t.files = append(t.files, file{f, content})
	w.touch(t, map[bool]string{true: lockstep}[ours])
	return f
}

func (h holder) AddFile(_ context.Context, record connectors.Record, f connectors.File, content io.Reader) (connectors.File, error) {
	bytes, err := io.ReadAll(content)
	if err != nil {
		return connectors.File{}, &connectors.Error{Class: connectors.ClassRetry, Op: "attach", Record: record.Ref.String(), Err: err}
	}
	return locked(h.client, func(w *world) (connectors.File, error) {
		t := w.things[record.Ref]
		if t == nil {
			_, err := w.read(record.Ref)
			return connectors.File{}, err
		}
		made := w.attach(t, f.Name, f.Type, bytes, true)
		w.wrote(record.Ref, "attach", nil, jsonOf(f.Name))
		return made, nil
	})
}

func (l linker) TakesLink(record string, link connectors.WebLink) bool {
	if advisor, ok := l.advisor.(connectors.WebLinker); ok {
		return advisor.TakesLink(record, link)
	}
	return l.w.schema(connectors.Collection{Connector: l.name, Record: record}).Attachments == "link"
}

func (l linker) WebLinks(_ context.Context, record connectors.Record) ([]string, error) {
	return locked(l.client, func(w *world) ([]string, error) {
		t := w.things[record.Ref]
		if t == nil {
			_, err := w.read(record.Ref)
			return nil, err
		}
		var all []string
		for _, link := range t.links {
			all = append(all, link.URL)
		}
		return all, nil
	})
}

func (l linker) AddWebLink(_ context.Context, record connectors.Record, link connectors.WebLink) error {
	_, err := locked(l.client, func(w *world) (struct{}, error) {
		t := w.things[record.Ref]
		if t == nil {
			_, err := w.read(record.Ref)
			return struct{}{}, err
		}
		t.links = append(t.links, link)
		w.touch(t, lockstep)
		w.wrote(record.Ref, "attach", nil, jsonOf(link.Title))
		return struct{}{}, nil
	})
	return err
}
