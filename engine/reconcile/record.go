package reconcile

import (
	"context"
	"errors"
	"slices"

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
		At:         w.engine.Clock.Now().UTC(),
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
	return w.engine.Journal.Append(ctx, entry, journal.Subject{
		Private: w.private(), Allowed: w.route.Private, TurnedPrivate: w.turnedPrivate, Snapshot: w.snapshot,
	})
}

// turnedPrivate reports whether the record turned private, elsewhere, while this
// reconcile stood still.
func (w observer) turnedPrivate(ctx context.Context) (bool, error) {
	link, _, _, err := w.engine.Repo.Current(ctx, w.route.Name, w.source)
	if errors.Is(err, store.ErrNotFound) {
		m, err := w.engine.Repo.Unlinked(ctx, w.route.Name, w.source)
		return m.Private, err
	}
	return err == nil && (link.Private || link.Phase == links.Stopped), err
}

// losersOf parts from an entry the values that are about to be written over: they
// are journaled before, for later nobody would know them. rest is what is left to
// journal.
func losersOf(entry journal.Entry) (losers *journal.Entry, rest journal.Entry) {
	rest = entry
	over := entry
	over.Notes = slices.DeleteFunc(slices.Clone(entry.Notes), func(n plan.Note) bool { return n.Lost == nil })
	if len(over.Notes) == 0 {
		return nil, rest
	}
	rest.Notes = slices.DeleteFunc(slices.Clone(entry.Notes), func(n plan.Note) bool { return n.Lost != nil })
	return &over, rest
}
