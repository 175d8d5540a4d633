package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// A LinkView is a link as people see it.
type LinkView struct {
	ID         string          `json:"id"`
	Route      string          `json:"route"`
	Template   string          `json:"template"`
	Source     connectors.Ref  `json:"source"`
	Target     *connectors.Ref `json:"target"`
	URL        string          `json:"url"`
	State      links.Phase     `json:"state"`
	UpdatedAt  time.Time       `json:"updated_at"`
	Generation string          `json:"generation"`
	Number     string          `json:"number,omitempty"`
	Commit     string          `json:"commit,omitempty"`
	// SourceName and TargetName are what people call the record and its ticket. A private
	// record that no route takes has no name.
	SourceName string `json:"source_name"`
	TargetName string `json:"target_name"`
	SourceURL  string `json:"source_url"`
}

func (e *operations) view(s links.Stored) LinkView {
	state := s.Phase
	if state == links.Active && e.core.Config.Load().Orphaned(s.Link) {
		state = links.Orphan
	}
	return LinkView{
		ID: s.ID, Route: s.Route, Template: s.Template, Source: s.Source, Target: s.Target, URL: s.URL,
		State: state, UpdatedAt: s.At.UTC(), Generation: s.Generation, Number: s.Number, Commit: s.Commit,
		SourceName: s.SourceNumber, TargetName: s.Number, SourceURL: s.SourceURL,
	}
}

// Links lists all links, the one changed last first.
func (e *operations) Links(ctx context.Context) ([]LinkView, error) {
	views := []LinkView{}
	err := e.core.Repo.Each(ctx, func(l links.Stored) error {
		views = append(views, e.view(l))
		return nil
	})
	slices.SortFunc(views, func(a, b LinkView) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	return views, err
}

// Link returns one link; ErrNotFound where there is none.
func (e *operations) Link(ctx context.Context, id string) (LinkView, error) {
	l, err := e.core.Repo.Load(ctx, id)
	if err != nil {
		return LinkView{}, err
	}
	return e.view(l), nil
}

// Unlink parts a record from its ticket for good: neither is written again,
// and no new ticket opens for the record on that route.
func (e *operations) Unlink(ctx context.Context, id string) error {
	var parted links.Link
	err := e.core.Repo.Change(ctx, id, func(l *links.Link) error {
		l.Phase, l.Missing = links.Detached, nil
		l.DropContents()
		parted = *l
		return nil
	})
	if err != nil {
		return err
	}
	for _, side := range []links.Side{links.Source, links.Target} {
		e.core.Absent.Found(parted.Ref(side)) // nobody waits for it any more
	}
	return nil
}

// readRef reads any record through its connector's breaker.
func (e *operations) readRef(ctx context.Context, config *reconcile.Running, ref connectors.Ref) (connectors.Record, error) {
	if !config.Has(ref.Collection) {
		return connectors.Record{}, &AdoptError{fmt.Sprintf("there is no connector %s.%s", ref.Type, ref.Connector)}
	}
	return config.Breakers[ref.Connector].Read(ctx, ref)
}

// Decisions returns what was decided about a record, newest first; the zero
// Ref is every record. At most limit entries.
func (e *operations) Decisions(ctx context.Context, ref connectors.Ref, limit int) ([]json.RawMessage, error) {
	return e.core.Journal.Decisions(ctx, ref, limit)
}

// Export returns the journal since a time, oldest first, with what is needed
// to decide again, entry by entry.
func (e *operations) Export(ctx context.Context, since time.Time, write func(entry []byte) error) error {
	set := e.core.Config.Load().Set
	return e.core.Journal.Export(ctx, since, func(name string) bool {
		route := set.Route(name)
		return route != nil && route.Private
	}, write)
}
