package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// entryOf begins the journal's entry about a decision.
func (w *session) entryOf(d rules.Decision) journal.Entry {
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason = d.Template, string(d.Action), d.Reason
	for _, s := range d.Skipped {
		if s.Err != nil && !w.private() {
			entry.Error = "template " + s.Template + ": " + s.Err.Error()
		}
	}
	return entry
}

func (w *session) entry() journal.Entry {
	return journal.Entry{
		At:         w.engine.clock.Now().UTC(),
		Generation: w.config.Set.Generation,
		Commit:     w.config.Commit,
		Route:      w.route.Name,
		Record:     w.source,
		Link:       w.linkID,
		Writes:     []string{},
	}
}

// journal keeps an entry, as far as the record may be kept at all.
func (w committer) journal(ctx context.Context, entry journal.Entry) error {
	return w.engine.journal.Append(ctx, entry, journal.Subject{
		Private: w.private(), Allowed: w.route.Private, TurnedPrivate: w.turnedPrivate, Snapshot: w.snapshot,
	})
}

// turnedPrivate reports whether the record turned private, elsewhere, while this
// reconcile stood still.
func (w observer) turnedPrivate(ctx context.Context) (bool, error) {
	link, _, _, err := w.engine.links.Current(ctx, w.route.Name, w.source)
	if errors.Is(err, store.ErrNotFound) {
		m, err := w.engine.loadMark(ctx, w.route.Name, w.source)
		return m.Private, err
	}
	return err == nil && (link.Private || link.Phase == links.Stopped), err
}

// keepLosers journals the values that are about to be written over, before
// they are: later nobody would know them. It returns what is left to journal.
func (w sender) keepLosers(ctx context.Context, entry journal.Entry) (journal.Entry, error) {
	losers := entry
	losers.Notes = slices.DeleteFunc(slices.Clone(entry.Notes), func(n plan.Note) bool { return n.Lost == nil })
	if len(losers.Notes) == 0 {
		return entry, nil
	}
	entry.Notes = slices.DeleteFunc(slices.Clone(entry.Notes), func(n plan.Note) bool { return n.Lost != nil })
	return entry, w.journal(ctx, losers)
}

// Decisions returns what was decided about a record, newest first; the zero
// Ref is every record. At most limit entries.
func (e *operations) Decisions(ctx context.Context, ref connectors.Ref, limit int) ([]json.RawMessage, error) {
	return e.journal.Decisions(ctx, ref, limit)
}

// Export returns the journal since a time, oldest first, with what is needed
// to decide again.
func (e *operations) Export(ctx context.Context, since time.Time) ([]json.RawMessage, error) {
	set := e.config.Load().Set
	return e.journal.Export(ctx, since, func(name string) bool {
		route := set.Route(name)
		return route != nil && route.Private
	})
}
