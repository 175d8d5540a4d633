package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// RetryDead forgets why something was refused and reconciles the record again. A dead
// letter that no retry makes untrue stays, with the time. It returns ErrNotFound where
// there is no such dead letter.
func (e *operations) RetryDead(ctx context.Context, id string) error {
	d, revision, err := e.core.Letters.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := e.clearRefusals(ctx, d); err != nil {
		return err
	}
	if err := e.core.Repo.ForgetUnlinked(ctx, d.Route, d.Record); err != nil {
		return fmt.Errorf("retry dead letter %s: %w", id, err)
	}
	if err := e.core.Store.Hints.Add(ctx, d.Record, ""); err != nil {
		return fmt.Errorf("retry dead letter %s: %w", id, err)
	}
	still, err := e.stillTrue(ctx, d)
	switch {
	case err != nil:
		return fmt.Errorf("retry dead letter %s: %w", id, err)
	case still:
		return e.core.Letters.Keep(ctx, d, revision)
	}
	// The record may have been looked at already, and be dead again.
	err = e.core.Letters.Delete(ctx, id, revision)
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("retry dead letter %s: %w", id, err)
	}
	return nil
}

// stillTrue reports whether what a dead letter says stays true whatever is tried: its
// route is not there to try, or it is about a system that goes on as it did.
func (e *operations) stillTrue(ctx context.Context, d deadletter.Letter) (bool, error) {
	if e.core.Config.Load().Set.Route(d.Route) == nil {
		return true, nil
	}
	if d.Reason != deadletter.ReasonKeyDropped {
		return false, nil
	}
	into, err := e.core.OpenedIn(ctx, d.Route, d.Record)
	if err != nil || into == (connectors.Collection{}) {
		return false, err
	}
	return e.core.Repo.Keyless(ctx, into)
}

// clearRefusals removes the refusal behind a dead letter from its link.
func (e *operations) clearRefusals(ctx context.Context, d deadletter.Letter) error {
	for range 5 {
		link, _, _, err := e.core.Repo.Current(ctx, d.Route, d.Record)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		next := link.Clone()
		if next.Opened != nil && d.Reason == deadletter.ReasonUnknownTicket {
			// There is none, says a person; but of one that the system said it opened.
			opened := *next.Opened
			opened.Told, opened.Lost, opened.Sent = false, 0, false
			next.Opened = &opened
			if _, err = e.core.Repo.Save(ctx, next, link.Revision); !errors.Is(err, store.ErrConflict) {
				return err
			}
			continue
		}
		cleared := next.Retry(links.ParseLabel(d.Field)) || next.Aside != nil
		next.Aside = nil
		if d.Field == "" {
			cleared = cleared || len(next.Refused) > 0
			next.Refused = nil
		}
		if next.Phase == links.Active && (d.Reason == deadletter.ReasonDuplicate || d.Reason == deadletter.ReasonKeyTaken) {
			now := e.core.Clock.Now().UTC()
			next.VerifyAfter, cleared = &now, true // it is looked for again
		}
		if _, contested := next.Contests[links.ParseLabel(d.Field)]; contested && d.Reason == deadletter.ReasonContested {
			next.Contests = maps.Clone(next.Contests)
			maps.DeleteFunc(next.Contests, func(name string, c links.Contest) bool { // its partner starts again as well
				return name == links.ParseLabel(d.Field) || c.Until.IsZero()
			})
			cleared = true
		}
		if !cleared {
			return nil
		}
		_, err = e.core.Repo.Save(ctx, next, link.Revision)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("link of dead letter %s: %w", d.ID, store.ErrConflict)
}

// DropDead removes a dead letter; store.ErrNotFound where there is none.
func (e *operations) DropDead(ctx context.Context, id string) error {
	return e.core.Letters.Drop(ctx, id)
}

// Dead lists the dead letters, newest first.
func (e *operations) Dead(ctx context.Context) ([]deadletter.Letter, error) {
	return e.core.Letters.List(ctx)
}
