package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// A mark is what was decided of a record that has no ticket on a route. The
// same version again decides nothing (rule 9.1).
type mark struct {
	Version string    `json:"version,omitempty"`
	Private bool      `json:"private,omitempty"` // and then no version
	Failed  bool      `json:"failed,omitempty"`  // there are dead letters
	Unread  bool      `json:"unread,omitempty"`  // reading it costs too much: nobody looks until someone retries
	Waiting time.Time `json:"waiting,omitzero"`  // for its parent's ticket, since
	// Parent is what the record belongs to, for when that turns public.
	Parent connectors.Ref `json:"parent,omitzero"`
}

const decidedPrefix = "decided/"

// DecidedKey is where it is noted that a record gets no ticket on a route.
func DecidedKey(route string, ref connectors.Ref) string {
	return decidedPrefix + route + "/" + ref.String()
}

func (e *Core) loadMark(ctx context.Context, route string, ref connectors.Ref) (mark, error) {
	entry, err := e.Store.Marks.Get(ctx, DecidedKey(route, ref))
	if errors.Is(err, store.ErrNotFound) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, fmt.Errorf("mark of %s: %w", ref, err)
	}
	var m mark
	if err := json.Unmarshal(entry.Value, &m); err != nil {
		return mark{}, store.Unreadable("mark of "+ref.String(), err)
	}
	return m, nil
}

func (w committer) saveMark(ctx context.Context, m mark) error {
	if w.record != nil {
		m.Parent = w.record.Parent
	}
	return w.engine.putMark(ctx, w.route.Name, w.source, m)
}

func (e *Core) putMark(ctx context.Context, route string, ref connectors.Ref, m mark) error {
	value, err := json.Marshal(m)
	if err == nil {
		_, err = e.Store.Marks.Put(ctx, DecidedKey(route, ref), value)
	}
	if err != nil {
		return fmt.Errorf("mark of %s: %w", ref, err)
	}
	return nil
}
