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
// on service projects only.
const (
	kindComment  = "comment"
	kindInternal = "internal"
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
	Public     *bool `json:"jsdPublic"`
	Properties []struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	} `json:"properties"`
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
		kind := kindComment
		if m.Public != nil && !*m.Public {
			kind = kindInternal
		}
		author := m.Author.Name
		if author == "" {
			author = m.Author.AccountID
		}
		all = append(all, connectors.Comment{
			ID: m.ID, Kind: kind, Author: author, Text: adf.ToMarkdown(adf.FromJSON(m.Body)), At: at, Marker: markers[m.ID],
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

// Comment adds a comment with its marker. An internal one is sent to service
// projects alone: elsewhere everybody would see it.
func (c *Connector) Comment(ctx context.Context, post connectors.Post) (connectors.Posted, error) {
	const op = "comment"
	ref := post.Record.Ref
	if failure := checkRef(op, ref); failure != nil {
		return connectors.Posted{}, failure
	}
	properties := []any{map[string]any{"key": markerProperty, "value": map[string]any{"marker": post.Marker}}}
	switch post.Kind {
	case kindComment:
	case kindInternal:
		key, err := c.projectOf(ctx, op, post.Record)
		if err != nil {
			return connectors.Posted{}, connectors.NotSent(err)
		}
		in, err := c.project(ctx, key)
		if err != nil {
			return connectors.Posted{}, connectors.NotSent(err)
		}
		if in.Type != serviceProject {
			return connectors.Posted{}, connectors.Rejected(op, ref.String(), "", "not_internal",
				"project "+key+" is no service project, so there are no internal comments, and everybody would see it")
		}
		properties = append(properties, map[string]any{"key": publicProperty, "value": map[string]any{"internal": true}})
	default:
		return connectors.Posted{}, connectors.Rejected(op, ref.String(), "", "kind", "Jira has no comments of the kind "+post.Kind)
	}
	var posted comment
	_, err := c.do(ctx, transport.Request{
		Op: op, Record: ref.String(), Method: http.MethodPost, Path: api + "/issue/" + ref.ID + "/comment",
		JSON: map[string]any{"body": adf.FromMarkdown(commentText(post)), "properties": properties}, Into: &posted,
	}, ref.ID)
	if err != nil {
		return connectors.Posted{}, err
	}
	return connectors.Posted{ID: posted.ID}, nil
}

// commentText is what people read: who said it where, and what.
func commentText(post connectors.Post) string {
	head := ""
	switch {
	case post.Author != "" && post.Origin != "":
		head = post.Author + " (" + post.Origin + ")"
	default:
		head = post.Author + post.Origin
	}
	if head == "" {
		return adf.Cut(post.Text, maxText)
	}
	return adf.Cut(adf.ToMarkdown(adf.Bold(head))+"\n\n"+post.Text, maxText)
}

// projectOf is the key of the project in which an issue is.
func (c *Connector) projectOf(ctx context.Context, op string, record connectors.Record) (string, error) {
	if key := values.TextAt(record.Fields, "project"); key != "" {
		return key, nil
	}
	read, err := c.read(ctx, op, record.Ref)
	if err != nil {
		return "", err
	}
	return values.TextAt(read.Fields, "project"), nil
}
