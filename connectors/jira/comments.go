package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/markdown/adf"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

var _ connectors.Commenter = (*Connector)(nil)

// Kinds of comment. Internal ones are seen by agents alone, and there are such
// on service projects only. Restricted ones are shown to a role or group.
const (
	kindComment    = "comment"
	kindInternal   = "internal"
	kindRestricted = "restricted"
)

// Properties of a comment. The first is Jira's own and decides who sees it, the
// second is lockstep's marker.
const (
	publicProperty = "sd.public.comment"
	markerProperty = "lockstep.marker"
)

const serviceProject = "service_desk"

type comment struct {
	ID     string         `json:"id"`
	Author user           `json:"author"`
	Body   map[string]any `json:"body"`
	At     string         `json:"created"`
	// Public is missing outside of service projects.
	Public *bool `json:"jsdPublic"`
	// Visibility is the role or group that sees it, missing where all do.
	Visibility *struct {
		Type string `json:"type"`
	} `json:"visibility"`
	Properties []struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	} `json:"properties"`
}

// kind says who sees a comment.
func (m comment) kind() string {
	switch {
	case m.Visibility != nil:
		return kindRestricted
	case m.Public != nil && !*m.Public:
		return kindInternal
	}
	return kindComment
}

func (m comment) property(key string) map[string]any {
	for _, p := range m.Properties {
		if p.Key == key {
			return p.Value
		}
	}
	return nil
}

// Comments lists the comments of an issue.
func (c *Connector) Comments(ctx context.Context, record connectors.Record, since time.Time) ([]connectors.Comment, error) {
	const op = "comments"
	if failure := checkRef(op, record.Ref); failure != nil {
		return nil, failure
	}
	me, err := c.me(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := c.commentsSince(ctx, record.Ref, since)
	if err != nil {
		return nil, err
	}
	var ours []string
	for _, m := range raw {
		if m.Author.AccountID == me {
			ours = append(ours, m.ID)
		}
	}
	markers, err := c.markers(ctx, record.Ref, ours)
	if err != nil {
		return nil, err
	}
	all := make([]connectors.Comment, 0, len(raw))
	for _, m := range raw {
		at, _ := moment(m.At)
		author := m.Author.Name
		if author == "" {
			author = m.Author.AccountID
		}
		all = append(all, connectors.Comment{
			ID: m.ID, Kind: m.kind(), Author: author, Text: adf.ToMarkdown(adf.FromJSON(m.Body)), At: at, Marker: markers[m.ID],
		})
	}
	return all, nil
}

// commentsSince are the comments made at or after a time, oldest first. Pages
// are asked for from the newest on: a comment that is added meanwhile pushes
// others to the next page, where they come twice.
func (c *Connector) commentsSince(ctx context.Context, ref connectors.Ref, since time.Time) ([]comment, error) {
	list := counted{
		op: "comments", record: ref.String(), path: "/issue/" + ref.ID + "/comment", member: "comments",
		query: url.Values{"orderBy": {"-created"}},
	}
	var all []comment
	for m, err := range listed(ctx, c, list, func(m comment) string { return m.ID }) {
		if err != nil {
			return nil, err
		}
		if at, ok := moment(m.At); ok && at.Before(since) {
			break
		}
		all = append(all, m)
	}
	slices.Reverse(all)
	return all, nil
}

// markers reads the markers of comments, which the list does not show.
func (c *Connector) markers(ctx context.Context, ref connectors.Ref, ids []string) (map[string]string, error) {
	markers := map[string]string{}
	for batch := range slices.Chunk(ids, listPage) {
		numbers := make([]json.Number, 0, len(batch))
		for _, id := range batch {
			numbers = append(numbers, json.Number(id))
		}
		var page struct {
			Values []comment `json:"values"`
		}
		_, err := c.do(ctx, transport.Request{
			Op: "comments", Record: ref.String(), Method: http.MethodPost, Path: api + "/comment/list",
			Query: url.Values{"expand": {"properties"}}, JSON: map[string]any{"ids": numbers}, Repeatable: true, Into: &page,
		}, "")
		if err != nil {
			return nil, err
		}
		for _, m := range page.Values {
			if marker, ok := m.property(markerProperty)["marker"].(string); ok {
				markers[m.ID] = marker
			}
		}
	}
	return markers, nil
}

// Comment adds a comment with its marker. On service projects the default is an
// internal one; it is sent to those alone: elsewhere everybody would see it.
func (c *Connector) Comment(ctx context.Context, post connectors.NewComment) (connectors.CommentReceipt, error) {
	const op = "comment"
	ref := post.Record.Ref
	if failure := checkRef(op, ref); failure != nil {
		return connectors.CommentReceipt{}, failure
	}
	properties := []any{map[string]any{"key": markerProperty, "value": map[string]any{"marker": post.Marker}}}
	refuse := func(code, message string) (connectors.CommentReceipt, error) {
		return connectors.CommentReceipt{}, connectors.Rejected(op, ref.String(), "", code, message)
	}
	internal, project := false, ""
	switch post.Kind {
	case kindComment:
	case kindInternal, "":
		in, err := c.projectOf(ctx, op, post.Record)
		if err != nil {
			return connectors.CommentReceipt{}, connectors.NotSent(err)
		}
		project, internal = in.Key, in.Type == serviceProject
		if !internal && post.Kind == kindInternal {
			return refuse("not_internal", "project "+project+" is no service project, so there are no internal comments, and everybody would see it")
		}
	default:
		return refuse("kind", "lockstep writes no comments of the kind "+post.Kind+" to Jira")
	}
	if internal {
		if _, showed := c.known.shown.Load(project); showed {
			return refuse("not_internal", notAgent(project))
		}
		properties = append(properties, map[string]any{"key": publicProperty, "value": map[string]any{"internal": true}})
	}
	var posted comment
	_, err := c.do(ctx, transport.Request{
		Op: op, Record: ref.String(), Method: http.MethodPost, Path: api + "/issue/" + ref.ID + "/comment",
		JSON: map[string]any{"body": adf.FromMarkdown(commentText(post)), "properties": properties}, Into: &posted,
	}, ref.ID)
	if err != nil {
		return connectors.CommentReceipt{}, err
	}
	if internal && posted.Public != nil && *posted.Public {
		c.known.shown.Store(project, true) // the next one is not sent at all
		return refuse("not_internal", "comment "+posted.ID+" was to be internal, and customers see it: take it out. "+notAgent(project))
	}
	return connectors.CommentReceipt{ID: posted.ID}, nil
}

// notAgent says why no internal comments are written to a project. Jira takes them
// from others than agents as well, and shows them to customers.
func notAgent(project string) string {
	return "the account is no agent of the service project " + project + ", so that customers see what it writes; make it one and restart lockstep"
}

// commentText is what people read: who said it where, and what.
func commentText(post connectors.NewComment) string {
	return adf.Cut(adf.ToMarkdown(adf.Bold(post.Heading()))+"\n\n"+post.Text, maxText)
}

// projectOf is the project in which an issue is.
func (c *Connector) projectOf(ctx context.Context, op string, record connectors.Record) (project, error) {
	key := values.TextAt(record.Fields, "project")
	if key == "" {
		read, err := c.read(ctx, op, record.Ref)
		if err != nil {
			return project{}, err
		}
		key = values.TextAt(read.Fields, "project")
	}
	return c.project(ctx, key)
}
