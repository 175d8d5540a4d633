package reconcile

import (
	"context"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// hasChildren reports whether some route reads records that belong to records
// like this one.
func (w observer) hasChildren() bool {
	for _, route := range w.config.Set.Routes {
		if route.Source.Connector != w.source.Connector {
			continue
		}
		if schema := w.schema(connectors.Ref{Collection: route.Source}); schema != nil && schema.Parent == w.source.Record {
			return true
		}
	}
	return false
}

// readsParent reports whether some route whose rules look at what a record belongs
// to reads records that belong to records like this one.
func (w observer) readsParent() bool {
	for _, route := range w.config.Set.Routes {
		if route.NeedsParent && route.Source.Connector == w.source.Connector {
			if schema := w.schema(connectors.Ref{Collection: route.Source}); schema != nil && schema.Parent == w.source.Record {
				return true
			}
		}
	}
	return false
}

// childrenBehind reports whether records that belong to this one, and whose rules
// look at it, were not told of its version yet.
func (w observer) childrenBehind(ctx context.Context, record connectors.Record) (bool, error) {
	if !w.readsParent() {
		return false, nil
	}
	c, err := w.engine.Repo.Children(ctx, w.source)
	return err == nil && len(c.Records) > 0 && (c.Version != record.Version || c.Telling), err
}

// lookAtParent keeps what is known of what a record belongs to, before that is
// read: when it changes, the record is decided again.
func (w observer) lookAtParent(ctx context.Context, record connectors.Record) error {
	if !w.route.NeedsParent || record.Parent.IsZero() {
		return nil
	}
	c, err := w.engine.Repo.Children(ctx, record.Parent)
	w.parentToken = c.Token()
	return err
}

// tellChildren has those records decided again that belong to this one and whose
// rules look at it: it has another version, or a ticket (rule 9.1).
func (w committer) tellChildren(ctx context.Context, ticket bool) error {
	if w.record == nil || !w.readsParent() {
		return nil
	}
	c, err := w.engine.Repo.Children(ctx, w.source)
	if err != nil || len(c.Records) == 0 {
		return err
	}
	// What they are told comes first: one that is looked at before would not see it.
	if err := w.engine.Repo.BeginTelling(ctx, w.source, w.record.Version, ticket); err != nil {
		return err
	}
	for _, ref := range c.Records {
		if err := w.engine.Store.Hints.Add(ctx, ref, ""); err != nil {
			return fmt.Errorf("hint %s: %w", ref, err)
		}
	}
	return w.engine.Repo.EndTelling(ctx, w.source, w.record.Version)
}

// joinParent remembers that the record belongs to another one.
func (w committer) joinParent(ctx context.Context) error {
	if w.record == nil || w.record.Parent.IsZero() || !w.route.NeedsParent {
		return nil
	}
	return w.engine.Repo.AddChild(ctx, w.record.Parent, w.source)
}

// hintChildren has the records looked at that belong to one which turned
// private or public: they are as private as it is, and nobody tells of them.
func (w committer) hintChildren(ctx context.Context) error {
	if !w.hasChildren() {
		return nil
	}
	hint := func(ref connectors.Ref) error {
		if err := w.engine.Store.Hints.Add(ctx, ref, ""); err != nil {
			return fmt.Errorf("hint %s: %w", ref, err)
		}
		return nil
	}
	err := w.engine.Repo.Each(ctx, func(l links.Stored) error {
		if l.Parent != w.source {
			return nil
		}
		return hint(l.Source)
	})
	if err != nil {
		return err
	}
	err = w.engine.Repo.EachUnlinked(ctx, func(_ string, ref connectors.Ref, u links.Unlinked) error {
		if u.Parent != w.source {
			return nil
		}
		return hint(ref)
	})
	if err != nil {
		return fmt.Errorf("records of %s: %w", w.source, err)
	}
	return nil
}
