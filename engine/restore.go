package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// Restore puts right what follows from parts of the store that were lost and
// are empty again. It may be called at any time: where nothing was lost it
// changes nothing, and has every link looked at.
func (e *Engine) Restore(ctx context.Context) error {
	// With another key every agreement would be taken for an edit.
	if _, err := e.store.Links.Create(ctx, installationKey, e.digest.key); err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("the installation's key: %w", err)
	}
	if err := e.copyKey(ctx, e.digest.key); err != nil {
		return err
	}
	if err := e.rebuildIndex(ctx); err != nil {
		return err
	}
	// What waited to be looked at may be lost.
	return e.eachLink(ctx, func(l stored) error {
		if err := e.store.Hints.Add(ctx, l.Source, ""); err != nil {
			return fmt.Errorf("hint %s: %w", l.Source, err)
		}
		return nil
	})
}
