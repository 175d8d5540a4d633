package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// inquiries are what people ask by the names that they use. They change nothing.
type inquiries struct {
	*operations
	names *names.Resolver
}

func newInquiries(o *operations) *inquiries {
	return &inquiries{o, &names.Resolver{Repo: o.core.Repo, Letters: o.core.Letters, Running: o.core.Config.Load}}
}

// Named is what people call a record and its ticket. A private record that no route
// takes has no name, and is its ref alone.
type Named struct {
	SourceName string `json:"source_name"`
	TargetName string `json:"target_name"`
	URL        string `json:"url"` // of the ticket
}

// A LetterView is a dead letter as people see it.
type LetterView struct {
	deadletter.Letter
	Named
	Link string `json:"link,omitempty"` // id of the record's link
}

// A DecisionView is an entry of the journal as people see it.
type DecisionView struct {
	journal.Entry
	Named
}

// A Query picks links or dead letters; what is empty picks all.
type Query struct {
	Name   string // as people type it
	Route  string
	State  links.Phase // of links
	Reason string      // of dead letters
	// After is the place in the list after which a page begins, and Limit how many
	// it holds; 0: all.
	After string
	Limit int
}

// A NothingError says that a name is known, and that nothing of a kind belongs to it.
type NothingError struct {
	What  string // "link", "dead letter"
	Match names.Match
}

func (e *NothingError) Error() string { return fmt.Sprintf("%s has no %s", e.Match, e.What) }

// Resolve returns what a name stands for.
func (q *inquiries) Resolve(ctx context.Context, name string) ([]names.Match, error) {
	return q.names.Resolve(ctx, name)
}

// Complete returns names that are stored and begin with prefix; of says what they may
// be of.
func (q *inquiries) Complete(ctx context.Context, of, prefix string, limit int) ([]names.Suggestion, error) {
	return q.names.Complete(ctx, of, prefix, limit)
}

// FindLinks returns the links that a query picks, the one changed last first, and
// where the next page begins.
func (q *inquiries) FindLinks(ctx context.Context, query Query) (page []LinkView, next string, err error) {
	var of []names.Match
	if query.Name != "" {
		if of, err = q.names.Resolve(ctx, query.Name); err != nil {
			return nil, "", err
		}
	}
	all, err := q.Links(ctx)
	if err != nil {
		return nil, "", err
	}
	all = slices.DeleteFunc(all, func(l LinkView) bool {
		return query.Route != "" && l.Route != query.Route || query.State != "" && l.State != query.State ||
			query.Name != "" && !slices.ContainsFunc(of, l.belongsTo)
	})
	return pageOf(all, query.After, query.Limit, func(l LinkView) (time.Time, string) { return l.UpdatedAt, l.ID })
}

// belongsTo reports whether a name that stands for m means the link.
func (v LinkView) belongsTo(m names.Match) bool {
	if m.Link != "" {
		return v.ID == m.Link
	}
	return v.Source == m.Record || v.Target != nil && *v.Target == m.Record
}

// FindLink returns the link that a name means: its own id, or the record or ticket
// that it joins.
func (q *inquiries) FindLink(ctx context.Context, name string) (LinkView, error) {
	l, err := q.Link(ctx, name)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return l, err
	}
	m, err := q.names.One(ctx, name)
	if err != nil {
		return LinkView{}, err
	}
	var all []LinkView
	err = q.core.Repo.Each(ctx, func(l links.Stored) error {
		// Of one whose place another took only its own id speaks.
		if view := q.view(l); view.belongsTo(m) && (l.Then == 0 || m.Link != "") {
			all = append(all, view)
		}
		return nil
	})
	switch {
	case err != nil:
		return LinkView{}, err
	case len(all) == 0:
		return LinkView{}, &NothingError{What: "link", Match: m}
	case len(all) == 1:
		return all[0], nil
	}
	several := &names.AmbiguousError{Name: name}
	for _, l := range all {
		several.Matches = append(several.Matches, names.Match{Record: l.Source, Name: l.SourceName, URL: l.SourceURL, Link: l.ID, Route: l.Route})
	}
	return LinkView{}, several
}

// FindDead returns the dead letters that a query picks, newest first, and where the
// next page begins.
func (q *inquiries) FindDead(ctx context.Context, query Query) (page []LetterView, next string, err error) {
	all, err := q.Dead(ctx)
	if err != nil {
		return nil, "", err
	}
	if query.Name != "" {
		of, err := q.names.Resolve(ctx, query.Name)
		if err != nil {
			return nil, "", err
		}
		if all, err = q.lettersOf(ctx, all, of); err != nil {
			return nil, "", err
		}
	}
	all = slices.DeleteFunc(all, func(d deadletter.Letter) bool {
		return query.Route != "" && d.Route != query.Route || query.Reason != "" && d.Reason != query.Reason
	})
	all, next, err = pageOf(all, query.After, query.Limit, func(d deadletter.Letter) (time.Time, string) { return d.At, d.ID })
	page = make([]LetterView, len(all))
	called := q.caller()
	for i, d := range all {
		page[i].Letter = d
		if page[i].Named, page[i].Link, err = called(ctx, d.Route, d.Record); err != nil {
			return nil, "", err
		}
	}
	return page, next, err
}

// lettersOf are the dead letters that names mean: by their own ids, or by the record
// that they are about, or by its ticket.
func (q *inquiries) lettersOf(ctx context.Context, all []deadletter.Letter, of []names.Match) ([]deadletter.Letter, error) {
	ids, about := map[string]bool{}, map[connectors.Ref]bool{}
	for _, m := range of {
		if m.Dead != "" {
			ids[m.Dead] = true
			continue
		}
		subjects, err := q.subjects(ctx, m)
		if err != nil {
			return nil, err
		}
		for _, ref := range subjects {
			about[ref] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(d deadletter.Letter) bool { return !ids[d.ID] && !about[d.Record] }), nil
}

// FindLetter returns the dead letter that a name means.
func (q *inquiries) FindLetter(ctx context.Context, name string) (LetterView, error) {
	d, _, err := q.core.Letters.Get(ctx, name)
	switch {
	case err == nil: // by its whole id, which needs no list
		view := LetterView{Letter: d}
		view.Named, view.Link, err = q.caller()(ctx, d.Route, d.Record)
		return view, err
	case !errors.Is(err, store.ErrNotFound):
		return LetterView{}, err
	}
	all, _, err := q.FindDead(ctx, Query{Name: name})
	switch {
	case err != nil:
		return LetterView{}, err
	case len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		m, err := q.names.One(ctx, name)
		if err != nil {
			return LetterView{}, err
		}
		return LetterView{}, &NothingError{What: "dead letter", Match: m}
	}
	several := &names.AmbiguousError{Name: name}
	for _, d := range all {
		several.Matches = append(several.Matches, names.Match{Record: d.Record, Name: d.SourceName, Dead: d.ID, Route: d.Route})
	}
	return LetterView{}, several
}

// subjects are the records whose fate a match is about: of a ticket, what it was opened
// for.
func (q *inquiries) subjects(ctx context.Context, m names.Match) ([]connectors.Ref, error) {
	if m.Link != "" || m.Dead != "" {
		return []connectors.Ref{m.Record}, nil
	}
	all := []connectors.Ref{}
	link, err := q.core.Repo.ByTarget(ctx, m.Record)
	switch {
	case err == nil && link.Target != nil && *link.Target == m.Record:
		all = append(all, link.Source)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	// It may be a source as well, on another route; one that lockstep opened is not
	// sent on, which is nothing to tell of where its own source is.
	if len(all) == 0 || q.hasLink(ctx, m.Record) {
		all = append(all, m.Record)
	}
	return all, nil
}

func (q *inquiries) hasLink(ctx context.Context, source connectors.Ref) bool {
	return slices.ContainsFunc(q.core.Config.Load().Set.Routes, func(r *rules.Route) bool {
		if r.Source != source.Collection {
			return false
		}
		_, _, _, err := q.core.Repo.Current(ctx, r.Name, source)
		return err == nil
	})
}

// A callerFunc tells the names of a record, and the id of its link.
type callerFunc func(ctx context.Context, route string, record connectors.Ref) (Named, string, error)

// caller returns what finds the names of records, each once.
func (q *inquiries) caller() callerFunc {
	type key struct {
		route  string
		record connectors.Ref
	}
	known := map[key]names.Called{}
	return func(ctx context.Context, route string, record connectors.Ref) (Named, string, error) {
		c, ok := known[key{route, record}]
		if !ok {
			var err error
			if c, err = q.names.Of(ctx, route, record); err != nil && !errors.Is(err, store.ErrUnreadable) {
				return Named{}, "", err
			}
			known[key{route, record}] = c
		}
		return Named{SourceName: c.Source, TargetName: c.TicketNumber, URL: c.TicketURL}, c.Link, nil
	}
}
