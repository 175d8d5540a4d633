package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
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

// An AdoptError says why a pair cannot be adopted.
type AdoptError struct{ Message string }

func (e *AdoptError) Error() string { return e.Message }

// Adopt makes a link between a record and a ticket that both exist. They are
// agreed on as they are; nothing is written until one of them changes.
func (e *operations) Adopt(ctx context.Context, route string, source, target connectors.Ref) (LinkView, error) {
	config := e.core.Config.Load()
	r := config.Set.Route(route)
	if r == nil {
		return LinkView{}, &AdoptError{fmt.Sprintf("there is no route %q", route)}
	}
	if r.Source != source.Collection {
		return LinkView{}, &AdoptError{fmt.Sprintf("route %q takes records of %s, not %s", route, r.Source, source)}
	}
	template := templateFor(r, target.Collection)
	if template == "" {
		return LinkView{}, &AdoptError{fmt.Sprintf("route %q has no template whose target is %s", route, target.Collection)}
	}
	_, id, n, err := e.core.Repo.Current(ctx, route, source)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return LinkView{}, err
	}
	other, err := e.core.Repo.ByTarget(ctx, target)
	if err == nil && other.Phase != links.Detached && other.ID != id && other.Target != nil && *other.Target == target {
		return LinkView{}, &AdoptError{fmt.Sprintf("%s belongs to link %s of %s; unlink it first", target, other.ID, other.Source)}
	}
	record, err := e.readRef(ctx, config, source)
	if err != nil {
		return LinkView{}, err
	}
	if !r.Admits(record) {
		return LinkView{}, &AdoptError{fmt.Sprintf("%s is private, and route %q takes no private records", source, route)}
	}
	ticket, err := e.readRef(ctx, config, target)
	if err != nil {
		return LinkView{}, err
	}
	adopted := func(l *links.Link) {
		l.Template, l.Phase, l.Target, l.Number, l.URL = template, links.Active, &target, ticket.Number, ticket.URL
		l.Generation, l.Commit = config.Set.Generation, config.Commit
		l.DropContents()
		l.NameSource(record, true) // as the route was found to take it
		l.Missing = nil
	}
	fresh := links.New(route, source, n)
	adopted(fresh)
	_, err = e.core.Repo.Save(ctx, fresh, 0)
	if errors.Is(err, store.ErrConflict) {
		err = e.core.Repo.Change(ctx, fresh.ID, func(l *links.Link) error {
			given := l.Opened != nil && l.Opened.Told // the creation was given up, and somebody asked to look
			if l.Phase == links.Active || l.Phase == links.Claim && !given {
				return &AdoptError{fmt.Sprintf("%s has link %s on this route already; unlink it first", source, l.ID)}
			}
			adopted(l)
			return nil
		})
	}
	if err != nil {
		return LinkView{}, err
	}
	if err := e.core.Repo.IndexTarget(ctx, fresh); err != nil {
		return LinkView{}, err
	}
	for _, reason := range []string{deadletter.ReasonKeyTaken, deadletter.ReasonUnknownTicket, deadletter.ReasonMoved} { // a person has answered it
		if err := e.core.Letters.Remove(ctx, route, source, "", reason); err != nil {
			return LinkView{}, err
		}
	}
	if err := e.core.Store.Hints.Add(ctx, source, ""); err != nil {
		return LinkView{}, fmt.Errorf("hint %s: %w", source, err)
	}
	return e.Link(ctx, fresh.ID)
}

// templateFor is the first template of a route that writes to the collection.
func templateFor(r *rules.Route, target connectors.Collection) string {
	for _, t := range reconcile.TemplatesOf(r) {
		if t.Target == target {
			return t.Name
		}
	}
	return ""
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
