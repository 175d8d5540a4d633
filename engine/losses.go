package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// endsKey is where it is noted, in the store's state, where the parts of the store
// ended.
const endsKey = "ends"

// lookForLosses says what of the store was lost while no daemon ran. What is
// lost is named: most of it nobody can make again.
func (e *losses) lookForLosses(ctx context.Context) error {
	known, err := e.loadEnds(ctx)
	if err != nil {
		return err
	}
	now, err := e.ends(ctx)
	if err != nil {
		return err
	}
	for _, part := range slices.Sorted(maps.Keys(known)) {
		at, there := now[part]
		switch was := known[part]; {
		case !there, was.In(at):
			continue
		case was.Log != at.Log:
			e.Warnings.Report("lost "+part, fmt.Sprintf("%s: what was stored is lost, or the store is a copy: its stream is another one than before. If it is not a copy that you restored, restore one, or go on without", part))
		default:
			e.Warnings.Report("lost "+part, fmt.Sprintf("%s: what was stored last is lost (the stream ends at %d where it had come to %d): a file was damaged or cut, or the store is an older copy. Restore a newer one, or go on without", part, at.Last, was.Last))
		}
	}
	return nil
}

// ends returns where the parts of the store end; none where it cannot tell.
func (e *losses) ends(ctx context.Context) (map[string]store.Position, error) {
	if e.Store.Ends == nil {
		return nil, nil
	}
	ends, err := e.Store.Ends(ctx)
	if err != nil {
		return nil, fmt.Errorf("ends of the store: %w", err)
	}
	return ends, nil
}

func (e *losses) loadEnds(ctx context.Context) (map[string]store.Position, error) {
	entry, err := e.Store.State.Get(ctx, endsKey)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ends of the store: %w", err)
	}
	return decodeEnds(entry.Value), nil
}

// An endsDocument is how it is stored where the parts of the store end.
type endsDocument struct {
	V    int                       `json:"v"`
	Ends map[string]store.Position `json:"ends"`
}

const endsVersion = 1

// decodeEnds returns none where they cannot be read: they are written again within a
// minute. Older builds stored them alone.
func decodeEnds(value []byte) map[string]store.Position {
	var d endsDocument
	if json.Unmarshal(value, &d) == nil && d.V == endsVersion {
		return d.Ends
	}
	var known map[string]store.Position
	if d.V > 0 || json.Unmarshal(value, &known) != nil {
		return nil
	}
	return known
}

// keepEnds notes where the parts of the store end.
func (e *losses) keepEnds(ctx context.Context) error {
	now, err := e.ends(ctx)
	if err != nil || len(now) == 0 {
		return err
	}
	known, err := e.loadEnds(ctx)
	if err != nil || maps.Equal(known, now) {
		return err
	}
	value, err := json.Marshal(endsDocument{V: endsVersion, Ends: now})
	if err == nil {
		_, err = e.Store.State.Put(ctx, endsKey, value)
	}
	if err != nil {
		return fmt.Errorf("ends of the store: %w", err)
	}
	return nil
}

// lookForLostLinks finds the tickets whose links are not there: nothing deletes
// the link of a ticket.
func (e *losses) lookForLostLinks(ctx context.Context) error {
	var lost []string
	all := 0
	err := e.Store.Targets.Each(ctx, func(entry store.Entry) error {
		all++
		id := links.DecodeTarget(entry)
		if id == "" {
			return nil // it is made again when a daemon starts
		}
		_, err := e.Store.Links.Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			lost = append(lost, entry.Key)
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("links of tickets: %w", err)
	}
	e.Warnings.Report("lost links", lostLinks(lost, all))
	return nil
}

func lostLinks(lost []string, all int) string {
	if len(lost) == 0 {
		return ""
	}
	slices.Sort(lost)
	named, more := lost[:min(3, len(lost))], ""
	if n := len(lost) - len(named); n > 0 {
		more = fmt.Sprintf(" and of %d more", n)
	}
	return fmt.Sprintf("%d of %d links are lost (deleted, or damaged, or the store is an older copy): those of %s%s. Their records and tickets are not kept in step. Restore a backup, or edit each record: its ticket is found again by its key; else lockstep links adopt ROUTE SOURCE TARGET",
		len(lost), all, strings.Join(named, ", "), more)
}
