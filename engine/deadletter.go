package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sort"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// Why something is a dead letter; stable, for alarms and people's scripts.
const (
	ReasonRejected    = "rejected"      // the system refused it
	ReasonDidNotStick = "did_not_stick" // it answered, and kept the old value
	ReasonValue       = "value"         // a mapping failed to evaluate
	ReasonNotFound    = "ref_not_found" // a ref() names no active record
	ReasonGaveUp      = "gave_up"       // a day of trying
	ReasonRouteGone   = "route_gone"    // hints were pending on a route that was removed
	ReasonKeyTaken    = "key_taken"     // a ticket of somebody else's carries the record's key
	ReasonDuplicate   = "duplicate"     // two tickets carry one key
	ReasonContested   = "contested"     // somebody else writes a field over and over as well
	ReasonUnreadable  = "unreadable"    // what is stored of the record cannot be read
	ReasonInternal    = "internal"      // a mistake in this program

	// ReasonTooCostly: working it out takes too much time or memory.
	ReasonTooCostly = connectors.CodeTooCostly
)

// A DeadLetter is something that cannot be carried out, kept until someone
// retries or drops it. It holds no contents of a private record.
type DeadLetter struct {
	ID      string         `json:"id"`
	Route   string         `json:"route"`
	Record  connectors.Ref `json:"record"`
	Reason  string         `json:"reason"`
	Field   string         `json:"field"`
	Message string         `json:"message"`
	At      time.Time      `json:"at"`
}

// deadID is the same for the same trouble, so that it is kept once.
func deadID(route string, record connectors.Ref, field, reason string) string {
	return links.Digest(route+"\x00"+field+"\x00"+reason, record, 0)[:16]
}

// bury keeps a dead letter.
func (e *Engine) bury(ctx context.Context, d DeadLetter, private bool) error {
	d.ID = deadID(d.Route, d.Record, d.Field, d.Reason)
	d.At = e.clock.Now().UTC()
	if private {
		d.Message = notKept
	}
	value, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	if _, err := e.store.Dead.Put(ctx, d.ID, value); err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	e.metrics.DeadLettered(d.Route, d.Reason)
	e.log.Warn("dead letter", "dead", d.ID, "route", d.Route, "record", d.Record.String(), "reason", d.Reason, "field", d.Field, "message", d.Message)
	return nil
}

// notKept stands for what was said about a private record.
const notKept = "(the record is private; what was said about it is not kept)"

// silence takes what was said about a record out of its dead letters on a
// route.
func (e *Engine) silence(ctx context.Context, route string, record connectors.Ref) error {
	letters, err := e.Dead(ctx)
	if err != nil {
		return err
	}
	for _, d := range letters {
		if d.Route != route || d.Record != record || d.Message == notKept {
			continue
		}
		d.Message = notKept
		value, err := json.Marshal(d)
		if err == nil {
			_, err = e.store.Dead.Put(ctx, d.ID, value)
		}
		if err != nil {
			return fmt.Errorf("dead letter %s: %w", d.ID, err)
		}
	}
	return nil
}

// exhume removes the dead letters of a record on a route that have come true
// after all: those of the field, or of every field with "*".
func (e *Engine) exhume(ctx context.Context, route string, record connectors.Ref, field string) error {
	letters, err := e.Dead(ctx)
	if err != nil {
		return err
	}
	for _, d := range letters {
		if d.Route == route && d.Record == record && (field == "*" || d.Field == field) {
			if err := e.store.Dead.Delete(ctx, d.ID, 0); err != nil {
				return fmt.Errorf("dead letter %s: %w", d.ID, err)
			}
		}
	}
	return nil
}

// Dead lists the dead letters, newest first.
func (e *Engine) Dead(ctx context.Context) ([]DeadLetter, error) {
	letters := []DeadLetter{}
	err := store.EachReadable(ctx, "dead letters", e.store.Dead, e.findings, func(entry store.Entry) error {
		var d DeadLetter
		if err := json.Unmarshal(entry.Value, &d); err != nil {
			return store.Unreadable("dead letter "+entry.Key, err)
		}
		letters = append(letters, d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	sort.Slice(letters, func(i, j int) bool { return letters[i].At.After(letters[j].At) })
	return letters, nil
}

func (e *Engine) deadLetter(ctx context.Context, id string) (d DeadLetter, revision uint64, err error) {
	entry, err := e.store.Dead.Get(ctx, id)
	if err != nil {
		return DeadLetter{}, 0, fmt.Errorf("dead letter %s: %w", id, err)
	}
	if err := json.Unmarshal(entry.Value, &d); err != nil {
		return DeadLetter{}, 0, store.Unreadable("dead letter "+id, err)
	}
	return d, entry.Revision, nil
}

// RetryDead forgets why something was refused and looks at the record anew.
// It returns ErrNotFound where there is no such dead letter.
func (e *Engine) RetryDead(ctx context.Context, id string) error {
	d, revision, err := e.deadLetter(ctx, id)
	if err != nil {
		return err
	}
	if err := e.forgiveLink(ctx, d); err != nil {
		return err
	}
	if err := e.store.Marks.Delete(ctx, decidedKey(d.Route, d.Record), 0); err != nil {
		return fmt.Errorf("retry dead letter %s: %w", id, err)
	}
	if err := e.store.Hints.Add(ctx, d.Record, ""); err != nil {
		return fmt.Errorf("retry dead letter %s: %w", id, err)
	}
	// The record may have been looked at already, and be dead again.
	err = e.store.Dead.Delete(ctx, id, revision)
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("retry dead letter %s: %w", id, err)
	}
	return nil
}

// forgiveLink removes the refusal behind a dead letter from its link.
func (e *Engine) forgiveLink(ctx context.Context, d DeadLetter) error {
	for range 5 {
		link, _, _, err := e.links.Current(ctx, d.Route, d.Record)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		next := link.Clone()
		forgiven := next.ClearRefusal(links.ParseLabel(d.Field)) || next.Aside != nil
		next.Aside = nil
		if d.Field == "" {
			forgiven = forgiven || len(next.Refused) > 0
			next.Refused = nil
		}
		if _, contested := next.Contests[links.ParseLabel(d.Field)]; contested && d.Reason == ReasonContested {
			next.Contests = maps.Clone(next.Contests)
			maps.DeleteFunc(next.Contests, func(name string, c links.Contest) bool { // its partner begins anew as well
				return name == links.ParseLabel(d.Field) || c.Until.IsZero()
			})
			forgiven = true
		}
		if !forgiven {
			return nil
		}
		_, err = e.links.Save(ctx, next, link.Revision)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("link of dead letter %s: %w", d.ID, store.ErrConflict)
}

// DropDead removes a dead letter; ErrNotFound where there is none.
func (e *Engine) DropDead(ctx context.Context, id string) error {
	if _, _, err := e.deadLetter(ctx, id); err != nil && !errors.Is(err, store.ErrUnreadable) {
		return err
	}
	if err := e.store.Dead.Delete(ctx, id, 0); err != nil {
		return fmt.Errorf("dead letter %s: %w", id, err)
	}
	return nil
}
