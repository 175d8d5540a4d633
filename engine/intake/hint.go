package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// Hint stores that the records may have changed; it is durable on return.
// delivery is the id of the webhook that said so, empty for none.
func (e *Positions) Hint(ctx context.Context, refs []connectors.Ref, delivery string) error {
	var known *positions // read when it is needed
	for _, ref := range refs {
		concerned, err := e.concerned(ctx, ref, &known)
		if err != nil {
			return err
		}
		for _, source := range concerned {
			if err := e.Store.Hints.Add(ctx, source, delivery); err != nil {
				return fmt.Errorf("hint %s: %w", source, err)
			}
		}
	}
	return nil
}

// concerned returns the records to look at when a record may have changed: itself,
// where a route begins with it, and the source of the link whose ticket it is.
// The route may be another daemon's, or one that comes back: the poll that
// found the change will not find it again.
func (e *Positions) concerned(ctx context.Context, ref connectors.Ref, known **positions) ([]connectors.Ref, error) {
	var records []connectors.Ref
	read := slices.ContainsFunc(e.Config.Load().Set.Routes, func(r *rules.Route) bool { return r.Source == ref.Collection })
	if !read && *known == nil {
		var err error
		if *known, _, err = e.load(ctx); err != nil {
			return nil, err
		}
	}
	if read || (*known).readBy(ref.Collection) {
		records = append(records, ref)
	}
	link, err := e.Repo.ByTarget(ctx, ref)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrUnreadable) {
		return records, nil
	}
	if err != nil {
		return nil, err
	}
	return append(records, link.Source), nil
}
