package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// How many older cursors of a poll are kept, and how far apart: enough to find
// again what a day of retries had in hand when the hints were lost.
const (
	checkpointEvery = time.Hour
	checkpointsFor  = keptFor + checkpointEvery
	checkpointBytes = 512 << 10
)

// A checkpoint is a poll's cursor behind which everything that was found has
// since been processed.
type checkpoint struct {
	At     time.Time `json:"at"`
	Cursor []byte    `json:"cursor"`
}

// A checkpointsDocument is how the checkpoints of a poll are stored. Older builds
// stored the list alone.
type checkpointsDocument struct {
	V   int          `json:"v"`
	All []checkpoint `json:"checkpoints"`
}

const checkpointsVersion = 1

// decodeCheckpoints returns none where they cannot be read: they are made again.
func decodeCheckpoints(value []byte) []checkpoint {
	var d checkpointsDocument
	if json.Unmarshal(value, &d) == nil && d.V == checkpointsVersion {
		return d.All
	}
	var all []checkpoint
	if json.Unmarshal(value, &all) != nil {
		return nil
	}
	return all
}

func encodeCheckpoints(all []checkpoint) ([]byte, error) {
	return json.Marshal(checkpointsDocument{V: checkpointsVersion, All: all})
}

func checkpointsKey(cursor string) string { return "checkpoints/" + cursor }

// beginPrefix begins a cursor that stands for a moment: the poll begins there,
// however long it takes until the system answers for the first time.
const beginPrefix = "begin "

func beginAt(t time.Time) []byte {
	return []byte(beginPrefix + t.UTC().Format(time.RFC3339Nano))
}

// beginOf returns the moment at which a poll begins; false: it has begun.
func beginOf(cursor []byte) (time.Time, bool) {
	text, begins := strings.CutPrefix(string(cursor), beginPrefix)
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, begins && err == nil
}

// asked returns the keys of the cursors of the polls that a configuration makes.
func asked(c *reconcile.Running) map[string]bool {
	keys := map[string]bool{}
	for _, p := range pollings(c.Set) {
		if g := c.Breakers[p.connector]; g != nil && p.with(g.Connector) != nil {
			keys[p.cursor] = true
		}
	}
	return keys
}

// beginPolls has every poll begin now that is not known, and gives back the
// cursor of one that has lost it. Where nothing is recorded, cursors that are
// there are an older build's.
func (e *Positions) beginPolls(ctx context.Context, config *reconcile.Running, known *positions, now time.Time) error {
	for key := range asked(config) {
		if known.Polls[key] == nil && !known.unrecorded {
			if _, err := e.Store.State.Put(ctx, key, beginAt(now)); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			continue
		}
		_, err := e.Store.State.Get(ctx, key)
		if err == nil {
			continue
		}
		if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%s: %w", key, err)
		}
		cursor := beginAt(now)
		if known.Polls[key] != nil {
			if cursor, err = e.lostCursor(ctx, key, known, now); err != nil {
				return err
			}
		}
		if _, err := e.Store.State.Create(ctx, key, cursor); err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// lostCursor returns what takes the place of a cursor that is not there any more.
func (e *Positions) lostCursor(ctx context.Context, key string, known *positions, now time.Time) ([]byte, error) {
	all, err := e.checkpoints(ctx, key)
	if err != nil {
		return nil, err
	}
	if len(all) > 0 {
		last := all[len(all)-1]
		e.Warnings.Report(key, fmt.Sprintf("the cursor of the poll of %s was lost; it goes on from where it was at %s", polledBy(key), last.At.Format(time.RFC3339)))
		return last.Cursor, nil
	}
	since := known.since(key, now)
	e.Warnings.Report(key, fmt.Sprintf("the cursor of the poll of %s was lost; it starts again at %s", polledBy(key), since.Format(time.RFC3339)))
	return beginAt(since), nil
}

// since returns when the first route began that reads what a poll finds; of a poll
// that no route begins with, now.
func (p *positions) since(key string, now time.Time) time.Time {
	first := now
	for name, at := range p.Routes {
		if sourceOf(name) == polledBy(key) && at.Since.Before(first) {
			first = at.Since
		}
	}
	return first
}

func polledBy(key string) string { return strings.TrimPrefix(key, "cursor/") }

func (e *Positions) checkpoints(ctx context.Context, key string) ([]checkpoint, error) {
	entry, err := e.Store.State.Get(ctx, checkpointsKey(key))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoints of %s: %w", key, err)
	}
	return decodeCheckpoints(entry.Value), nil
}

// checkpoint keeps a cursor, and older ones an hour apart for a day.
func (e *Positions) checkpoint(ctx context.Context, key string, c checkpoint) error {
	all, err := e.checkpoints(ctx, key)
	if err != nil {
		return err
	}
	n := len(all)
	if n > 0 && string(all[n-1].Cursor) == string(c.Cursor) {
		return nil
	}
	if n > 1 && all[n-1].At.Sub(all[n-2].At) < checkpointEvery {
		all = all[:n-1]
	}
	all = append(all, c)
	for len(all) > 1 && c.At.Sub(all[1].At) >= checkpointsFor {
		all = all[1:]
	}
	value, err := encodeCheckpoints(all)
	for err == nil && len(value) > checkpointBytes && len(all) > 2 { // the oldest and the newest are those that count
		middle := len(all) / 2
		all = append(all[:middle:middle], all[middle+1:]...)
		value, err = encodeCheckpoints(all)
	}
	if err == nil {
		_, err = e.Store.State.Put(ctx, checkpointsKey(key), value)
	}
	if err != nil {
		return fmt.Errorf("checkpoints of %s: %w", key, err)
	}
	return nil
}

// recoverHints finds again what was in the hints if they were lost, or their
// end was: the sources of all routes are polled again from a day before, which
// is how long a record may have been waiting for another try, and every link
// is looked at.
func (e *Positions) recoverHints(ctx context.Context, known *positions, end store.Position) error {
	lost := map[string]bool{}
	for name, at := range known.Routes {
		if !at.At.In(end) {
			lost["cursor/"+sourceOf(name)] = true
		}
	}
	if len(lost) == 0 {
		return nil
	}
	for key := range lost {
		if known.Polls[key] == nil {
			continue
		}
		all, err := e.checkpoints(ctx, key)
		if err != nil {
			return err
		}
		cursor := beginAt(known.since(key, e.Clock.Now()))
		if len(all) > 0 {
			cursor = all[0].Cursor
		}
		if _, err := e.Store.State.Put(ctx, key, cursor); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	e.Warnings.Report("hints", "what waited to be looked at was lost (the stream of hints was deleted, damaged or restored from an older copy); sources are polled again from a day before, and every link is looked at: what only a webhook told, of a record that cannot be polled, is lost")
	err := e.Repo.Each(ctx, func(l links.Stored) error {
		return e.Store.Hints.Add(ctx, l.Source, "")
	})
	if err != nil {
		return err
	}
	_, err = e.change(ctx, func(p *positions) {
		for _, at := range p.Routes {
			if !at.At.In(end) {
				at.At = store.Position{Log: end.Log}
			}
		}
	})
	return err
}

// KeepCheckpoints keeps the cursors that are behind what the routes have done,
// and returns how far each has come, for recordReached.
func (e *Positions) KeepCheckpoints(ctx context.Context, config *reconcile.Running) (map[string]store.Position, error) {
	reached := map[string]store.Position{} // by consumer
	for source := range sourcesOf(config) {
		key := cursorKey(source)
		entry, err := e.Store.State.Get(ctx, key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		end, failed := e.Store.Hints.End(ctx) // what the cursor has passed lies before it
		if failed != nil {
			return nil, fmt.Errorf("end of hints: %w", failed)
		}
		done := end
		for _, route := range config.Set.Routes {
			if route.Source != source {
				continue
			}
			at, err := e.Store.Hints.Position(ctx, ConsumerOf(route))
			switch {
			case errors.Is(err, store.ErrNotFound):
				at = store.Position{} // it is being made
			case err != nil:
				return nil, fmt.Errorf("consumer of route %s: %w", route.Name, err)
			default:
				reached[ConsumerOf(route)] = at
			}
			if at.Log != end.Log || at.Last < done.Last {
				done = at
			}
		}
		if err != nil {
			continue // nothing polled yet
		}
		fresh := candidate{checkpoint{At: e.Clock.Now().UTC(), Cursor: entry.Value}, end}
		if err := e.advance(ctx, key, fresh, done); err != nil {
			return nil, err
		}
	}
	return reached, nil
}

// RecordProgress notes how far everything has come, when this daemon ends.
func (e *Positions) RecordProgress(ctx context.Context, config *reconcile.Running) error {
	reached, err := e.KeepCheckpoints(ctx, config)
	if err != nil {
		return err
	}
	_, err = e.change(ctx, func(p *positions) { p.recordReached(reached) })
	return err
}

// recordReached notes how far the routes have come.
func (p *positions) recordReached(reached map[string]store.Position) {
	for name, at := range reached {
		if known := p.Routes[name]; known != nil && (known.At.Log != at.Log || known.At.Last < at.Last) {
			known.At = at
		}
	}
}

// A candidate becomes a checkpoint when everything before a position is done.
type candidate struct {
	checkpoint
	when store.Position
}

// advance keeps the newest candidate behind which all is done. The oldest one
// that is not waits on, so that some day it is.
func (e *Positions) advance(ctx context.Context, key string, fresh candidate, done store.Position) error {
	behind := func(c candidate) bool { return c.when.Log == done.Log && c.when.Last <= done.Last }
	waits, ok := e.candidates[key]
	switch {
	case behind(fresh):
		delete(e.candidates, key)
		return e.checkpoint(ctx, key, fresh.checkpoint)
	case ok && behind(waits):
		e.candidates[key] = fresh
		return e.checkpoint(ctx, key, waits.checkpoint)
	case !ok || waits.when.Log != fresh.when.Log:
		e.candidates[key] = fresh
	}
	return nil
}

func sourcesOf(config *reconcile.Running) map[connectors.Collection]bool {
	all := map[connectors.Collection]bool{}
	for _, route := range config.Set.Routes {
		all[route.Source] = true
	}
	return all
}
