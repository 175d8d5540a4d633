package engine

import (
	"context"
	"fmt"

	"github.com/lockstep-sync/lockstep/engine/links"
)

// Restore puts right what follows from parts of the store that were lost and
// are empty again. It may be called at any time: where nothing was lost it
// changes nothing, and has every link looked at.
func (e *losses) Restore(ctx context.Context) error {
	if err := e.Digest.RestoreKey(ctx, e.Store); err != nil {
		return err
	}
	if err := e.Repo.RebuildIndex(ctx); err != nil {
		return err
	}
	if err := e.Pauses.Restore(ctx); err != nil {
		return err
	}
	// What waited to be looked at may be lost.
	return e.Repo.Each(ctx, func(l links.Stored) error {
		if err := e.Store.Hints.Add(ctx, l.Source, ""); err != nil {
			return fmt.Errorf("hint %s: %w", l.Source, err)
		}
		return nil
	})
}
