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
	err = w.engine.Repo.EachUnlinked(ctx, func(ref connectors.Ref, u links.Unlinked) error {
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
