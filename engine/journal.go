package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A JournalEntry is one decision and what became of it.
type JournalEntry struct {
	At         time.Time      `json:"at"`
	Generation string         `json:"generation"`
	Commit     string         `json:"commit"`
	Route      string         `json:"route"`
	Record     connectors.Ref `json:"record"`
	Template   string         `json:"template"`
	Action     string         `json:"action"`
	Reason     string         `json:"reason"`
	Error      string         `json:"error"`
	Writes     []string       `json:"writes"`

	Link   string         `json:"link,omitempty"`
	Target connectors.Ref `json:"target,omitzero"`
	Notes  []plan.Note    `json:"notes,omitempty"`

	// Snapshot is what was decided by, in the first entry about it. Export
	// alone gives it away.
	Snapshot *Snapshot `json:"snapshot,omitempty"`
}

// entryOf begins the journal's entry about a decision.
func (w *work) entryOf(d rules.Decision) JournalEntry {
	entry := w.entry()
	entry.Template, entry.Action, entry.Reason = d.Template, string(d.Action), d.Reason
	for _, s := range d.Skipped {
		if s.Err != nil && !w.private() {
			entry.Error = "template " + s.Template + ": " + s.Err.Error()
		}
	}
	return entry
}

func (w *work) entry() JournalEntry {
	return JournalEntry{
		At:         w.engine.clock.Now().UTC(),
		Generation: w.config.Set.Generation,
		Commit:     w.config.Commit,
		Route:      w.route.Name,
		Record:     w.source,
		Link:       w.linkID,
		Writes:     []string{},
	}
}

// hasContents reports whether an entry holds anything of the record but its
// reference.
func (j JournalEntry) hasContents() bool {
	return j.Snapshot != nil || j.Error != "" || slices.ContainsFunc(j.Notes, func(n plan.Note) bool { return n.Lost != nil })
}

func (j JournalEntry) withoutContents() JournalEntry {
	j.Error, j.Snapshot = "", nil
	notes := make([]plan.Note, len(j.Notes))
	for i, n := range j.Notes {
		n.Lost = nil
		notes[i] = n
	}
	j.Notes = notes
	return j
}

// journal keeps an entry. Contents of a private record are left out.
func (w *work) journal(ctx context.Context, entry JournalEntry) error {
	sort.Strings(entry.Writes)
	if w.private() {
		entry = entry.withoutContents()
	}
	for _, n := range entry.Notes {
		w.engine.metrics.Noted(w.route.Name, n.What)
	}
	stored := w.attach(&entry)
	err := w.append(ctx, entry)
	if errors.Is(err, store.ErrTooLarge) && entry.hasContents() {
		w.log.Warn("the journal's entry is larger than the store takes (max_payload of the NATS server); it is kept without values", "error", err)
		entry, stored = entry.withoutContents(), func() {}
		err = w.append(ctx, entry)
	}
	if err != nil {
		return err
	}
	stored()
	w.engine.step(ctx, StepJournaled)
	if !entry.hasContents() || w.private() || w.route.Private {
		return nil
	}
	return w.forgetIfPrivate(ctx)
}

func (w *work) append(ctx context.Context, entry JournalEntry) error {
	encoded, err := json.Marshal(entry)
	if err == nil {
		err = w.engine.store.Journal.Append(ctx, w.source, encoded)
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// forgetIfPrivate takes contents out of the journal again where the record
// turned private, elsewhere, while this reconcile stood still: whoever stopped
// it may have purged the journal before.
func (w *work) forgetIfPrivate(ctx context.Context) error {
	link, _, _, err := w.engine.links.Current(ctx, w.route.Name, w.source)
	private := err == nil && (link.Private || link.Phase == links.Stopped)
	if errors.Is(err, store.ErrNotFound) {
		var m mark
		m, err = w.engine.loadMark(ctx, w.route.Name, w.source)
		private = m.Private
	}
	if err != nil || !private {
		return err
	}
	return w.forget(ctx)
}

// keepLosers journals the values that are about to be written over, before
// they are: later nobody would know them. It returns what is left to journal.
func (w *work) keepLosers(ctx context.Context, entry JournalEntry) (JournalEntry, error) {
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
func (e *Engine) Decisions(ctx context.Context, ref connectors.Ref, limit int) ([]json.RawMessage, error) {
	entries, err := e.store.Journal.Read(ctx, ref, time.Time{}, limit)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	out := make([]json.RawMessage, 0, len(entries))
	for _, entry := range entries {
		if json.Valid(entry) { // a damaged one would spoil the whole answer
			out = append(out, withoutSnapshot(entry))
		}
	}
	return out, nil
}
