package links

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

const (
	// childrenKey is there once all that was stored by builds that did not remember
	// children is remembered.
	childrenKey     = "children"
	childrenPrefix  = "children/"
	childrenVersion = 1
	// mostChildren bounds what is remembered of one record: of those beyond it only
	// their own changes tell.
	mostChildren = 5000
	childTries   = 20
)

// Children are the records that belong to one, as far as any of them was decided
// on a route whose rules look at it: they are decided again when it changes.
type Children struct {
	// Version is the one of the record that they were told of last, and Tickets
	// counts those that it got since.
	Version string
	Tickets int
	// Telling is true until all of them are hinted.
	Telling  bool
	Records  []connectors.Ref
	revision uint64
	kept     bool // a newer build's, which is left as it is
}

// A childrenDocument is how Children are stored.
type childrenDocument struct {
	V       int              `json:"v"`
	Version string           `json:"version,omitempty"`
	Tickets int              `json:"tickets,omitempty"`
	Telling bool             `json:"telling,omitempty"`
	Records []connectors.Ref `json:"records"`
}

// Token is another one whenever the children are to be decided again.
func (c Children) Token() string {
	if c.Version == "" && c.Tickets == 0 {
		return ""
	}
	return fmt.Sprintf("%s+%d", c.Version, c.Tickets)
}

// Children returns what belongs to a record; the zero value where nothing does, or
// where what is stored of it is a newer build's, which is reported: then only their own
// changes tell. What is damaged is reported and made again.
func (r *Repository) Children(ctx context.Context, parent connectors.Ref) (Children, error) {
	entry, err := r.state.Get(ctx, childrenPrefix+parent.String())
	if errors.Is(err, store.ErrNotFound) {
		return Children{}, nil
	}
	if err != nil {
		return Children{}, fmt.Errorf("children of %s: %w", parent, err)
	}
	var d childrenDocument
	if err := json.Unmarshal(entry.Value, &d); err != nil {
		r.unread.Note(entry.Key, store.Unreadable("children "+entry.Key, err))
		c := Children{revision: entry.Revision}
		c.Records, err = r.belonging(ctx, parent)
		return c, err
	}
	if d.V > childrenVersion {
		r.unread.Note(entry.Key, store.UnknownVersion("children "+entry.Key, d.V, childrenVersion))
		return Children{kept: true}, nil
	}
	r.unread.Note(entry.Key, nil)
	return Children{Version: d.Version, Tickets: d.Tickets, Telling: d.Telling, Records: d.Records, revision: entry.Revision}, nil
}

// belonging looks for the records that belong to one among all that is stored.
func (r *Repository) belonging(ctx context.Context, parent connectors.Ref) (all []connectors.Ref, err error) {
	return all, r.eachChild(ctx, func(of, child connectors.Ref) error {
		if of == parent && len(all) < mostChildren && !slices.Contains(all, child) {
			all = append(all, child)
		}
		return nil
	})
}

// eachChild calls f for every record that was decided, and what it belongs to, as far
// as they can be read.
func (r *Repository) eachChild(ctx context.Context, f func(parent, child connectors.Ref) error) error {
	if err := r.Each(ctx, func(l Stored) error { return f(l.Parent, l.Source) }); err != nil {
		return err
	}
	return r.EachUnlinked(ctx, func(_ string, ref connectors.Ref, u Unlinked) error { return f(u.Parent, ref) })
}

// AddChild remembers that a record belongs to another.
func (r *Repository) AddChild(ctx context.Context, parent, child connectors.Ref) error {
	return r.changeChildren(ctx, parent, func(c *Children) bool {
		if len(c.Records) >= mostChildren || slices.Contains(c.Records, child) {
			return false
		}
		c.Records = append(slices.Clone(c.Records), child)
		return true
	})
}

// BeginTelling remembers the version of a record that its children are about to be
// told of, and whether they are told of a new ticket as well. Until EndTelling they
// count as not told.
func (r *Repository) BeginTelling(ctx context.Context, parent connectors.Ref, version string, ticket bool) error {
	return r.changeChildren(ctx, parent, func(c *Children) bool {
		c.Version, c.Telling = version, true
		if ticket {
			c.Tickets++
		}
		return true
	})
}

// EndTelling says that the children were told of a version.
func (r *Repository) EndTelling(ctx context.Context, parent connectors.Ref, version string) error {
	return r.changeChildren(ctx, parent, func(c *Children) bool {
		told := c.Telling && c.Version == version
		c.Telling = c.Telling && !told
		return told
	})
}

func (r *Repository) changeChildren(ctx context.Context, parent connectors.Ref, change func(*Children) bool) error {
	key := childrenPrefix + parent.String()
	for range childTries {
		c, err := r.Children(ctx, parent)
		if err != nil {
			return err
		}
		if c.kept || !change(&c) {
			return nil
		}
		value, err := json.Marshal(childrenDocument{V: childrenVersion, Version: c.Version, Tickets: c.Tickets, Telling: c.Telling, Records: c.Records})
		if err != nil {
			return fmt.Errorf("children of %s: %w", parent, err)
		}
		if c.revision == 0 {
			_, err = r.state.Create(ctx, key, value)
		} else {
			_, err = r.state.Update(ctx, key, value, c.revision)
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("children of %s: %w", parent, store.ErrConflict)
}

// indexChildren remembers, once in the life of a store, the children of which builds
// before this one had decided.
func (r *Repository) indexChildren(ctx context.Context) error {
	_, err := r.state.Get(ctx, childrenKey)
	if err == nil {
		return nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("children: %w", err)
	}
	err = r.eachChild(ctx, func(parent, child connectors.Ref) error {
		if parent.IsZero() {
			return nil
		}
		return r.AddChild(ctx, parent, child)
	})
	if err != nil {
		return err
	}
	_, err = r.state.Put(ctx, childrenKey, []byte(`{"v":1}`))
	return err
}
