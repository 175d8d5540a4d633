package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// freshFor is how long a read of the source answers for its privacy. A save
// and a look-up fit into it; a wait for a rate limit or a slow system does not.
const freshFor = 2 * time.Second

// errNotAllowed says that nothing was sent although it was about to be.
var errNotAllowed = errors.New("not sent")

// private reports whether nothing of the record may be kept.
func (w *session) private() bool { return w.record != nil && w.record.Private }

// stillAllowed reads the source again before something is sent, if it was
// read some time ago or, with always, in any case. Where it turned private or
// cannot be found, ErrConflict lets everything be decided again (rule 3.8).
func (w applier) stillAllowed(ctx context.Context, always bool) error {
	if age := w.engine.Clock.Now().Sub(w.readAt); !always && age >= 0 && age < freshFor {
		return nil
	}
	was := w.private()
	if w.sourceGone {
		if _, err := w.readSource(ctx); isGone(err) {
			return nil
		} else if err != nil {
			return err
		}
		return fmt.Errorf("%w: record %s is there again: %w", errNotAllowed, w.source, store.ErrConflict)
	}
	if _, err := w.readSource(ctx); err != nil && !isGone(err) {
		return err
	} else if err != nil || w.private() != was {
		return fmt.Errorf("%w: record %s is no longer what it was: %w", errNotAllowed, w.source, store.ErrConflict)
	}
	return nil
}
