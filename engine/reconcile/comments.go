package reconcile

import (
	"context"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// commentTransfer carries the comments of one side to the other; false where the
// template or a system does not do that.
func (w transfers) commentTransfer(s *sending, name string, to links.Side, clauses []rules.CommentClause) (transfer, bool) {
	from, into := s.Ends.Of(links.Other(to)), s.Ends.Of(to)
	reader, reads := from.System.(connectors.Commenter)
	writer, writes := into.System.(connectors.Commenter)
	kinds := w.schema(into.Ref).CommentKinds
	if len(clauses) == 0 || !reads || !writes || len(kinds) == 0 {
		return transfer{}, false
	}
	h := transfer{name: name, to: to, verb: "comment"}
	h.list = func(ctx context.Context, since time.Time) ([]item, error) {
		all, err := breaker.Ask(w.breakerOf(from), breaker.Kind(opList, "comments"), func() ([]connectors.Comment, error) {
			return reader.Comments(ctx, from.Record, since)
		})
		if err != nil {
			return nil, err
		}
		var items []item
		for _, c := range all {
			if c.Marker != "" || c.Text == "" {
				continue // a copy of ours, or nothing was said
			}
			it := item{key: c.ID, at: c.At, copies: []string{s.Link.Marker(name, c.ID)}}
			clause, err := rules.Take(clauses, c)
			if plan.TooCostly(err) {
				return nil, &connectors.Error{Class: connectors.ClassRejected, Op: opList, Record: from.Ref.String(), Code: connectors.CodeTooCostly, Err: err}
			}
			if err != nil {
				w.log.Warn("a condition on comments failed; the comment is not taken by it", "comment", c.ID)
				s.entry.Notes = append(s.entry.Notes, plan.Note{Field: name, What: "condition_failed", Side: links.Other(to)})
			}
			if clause == nil {
				it.drop = func(context.Context) (string, error) { return links.ItemSeen, nil }
				items = append(items, it)
				continue
			}
			kind := clause.To
			if kind == "" {
				kind = kinds[0]
			}
			it.send = func(ctx context.Context) (connectors.Posted, error) {
				return writer.Comment(ctx, connectors.Post{
					Record: into.Record, Kind: kind, Marker: it.copies[0], Text: c.Text, Author: c.Author, At: c.At,
					Origin: strings.TrimSpace(from.Record.Number + " " + kindName(c.Kind)),
				})
			}
			items = append(items, it)
		}
		return items, nil
	}
	h.copies = func(ctx context.Context) (map[string][]string, error) {
		if finder, ok := into.System.(connectors.CopyFinder); ok {
			return breaker.Ask(w.breakerOf(into), breaker.Kind(opList, "copies"), func() (map[string][]string, error) {
				return finder.Copies(ctx, into.Record)
			})
		}
		all, err := breaker.Ask(w.breakerOf(into), breaker.Kind(opList, "comments"), func() ([]connectors.Comment, error) {
			return writer.Comments(ctx, into.Record, time.Time{})
		})
		copies := map[string][]string{}
		for _, c := range all {
			if c.Marker != "" {
				copies[c.Marker] = append(copies[c.Marker], c.ID)
			}
		}
		return copies, err
	}
	return h, true
}

// kindName is a kind of comment as people say it: "work_notes" is "work note".
func kindName(kind string) string {
	return strings.TrimSuffix(strings.ReplaceAll(kind, "_", " "), "s")
}

// opList is a read of what hangs on a record.
const opList = "list"
