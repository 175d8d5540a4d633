package names

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/rules"
)

// shortestPrefix is how many characters of an id are enough to name a link or a dead
// letter: fewer are a slip of the finger.
const shortestPrefix = 4

// A Match is one thing that a name stands for.
type Match struct {
	// Record is the record or ticket that is meant; of a link, its source; of a dead
	// letter, the record that it is about.
	Record connectors.Ref `json:"record"`
	// Name is what people call the record, and URL where they open it; empty where that
	// is not known, or the record is private.
	Name string `json:"name"`
	URL  string `json:"url"`
	// Link and Dead are ids, where the name is a link's or a dead letter's own.
	Link string `json:"link,omitempty"`
	Dead string `json:"dead,omitempty"`
	// Route is that of the link or the dead letter, where it tells several apart.
	Route string `json:"route,omitempty"`
}

// A Resolver finds what names stand for.
type Resolver struct {
	Repo    *links.Repository
	Letters *deadletter.Queue
	Running func() *reconcile.Running
}

// Resolve returns what a name stands for: several things where it is not clear
// which of them is meant. An *UnknownError: nothing is known by that name.
func (r *Resolver) Resolve(ctx context.Context, name string) ([]Match, error) {
	name = strings.TrimSpace(name)
	s := &search{name: name, page: pageOf(name), refs: map[connectors.Ref]bool{}}
	if err := r.searchStore(ctx, s); err != nil {
		return nil, err
	}
	if s.exact != nil {
		return []Match{*s.exact}, nil
	}
	failed := r.searchSystems(ctx, s)
	if len(s.found) == 0 {
		return nil, &UnknownError{Name: name, Failed: failed}
	}
	return s.found, nil
}

// One is Resolve where one thing must be meant: else the error is an
// *AmbiguousError.
func (r *Resolver) One(ctx context.Context, name string) (Match, error) {
	found, err := r.Resolve(ctx, name)
	if err != nil {
		return Match{}, err
	}
	if len(found) > 1 {
		return Match{}, &AmbiguousError{Name: name, Matches: found}
	}
	return found[0], nil
}

// A search is what is known of one name so far.
type search struct {
	name, page string // page: as pageOf writes it; empty where the name is something else
	exact      *Match // nothing else can be meant
	found      []Match
	refs       map[connectors.Ref]bool // of the records found
}

// add takes a record that the name stands for.
func (s *search) add(m Match) {
	if m.Link == "" && m.Dead == "" {
		if s.refs[m.Record] {
			return
		}
		s.refs[m.Record] = true
	}
	s.found = append(s.found, m)
}

// means reports whether a record that is stored is meant.
func (s *search) means(ref connectors.Ref, number, url string) bool {
	switch {
	case s.name == "":
		return false
	case s.page != "":
		return url != "" && pageOf(url) == s.page
	}
	return strings.EqualFold(ref.ID, s.name) || number != "" && strings.EqualFold(number, s.name) || ref.String() == s.name
}

// begins reports whether the name may be the beginning of an id.
func (s *search) begins(id string) bool {
	return len(s.name) >= shortestPrefix && strings.HasPrefix(id, strings.ToLower(s.name))
}

// pageOf is the address of a page without what does not tell pages apart; empty: the
// name is something else.
func pageOf(name string) string {
	page := connectors.ParsePage(name)
	if page == nil {
		return ""
	}
	page.Fragment, page.User = "", nil
	page.Host = strings.ToLower(page.Host)
	page.Path = strings.TrimSuffix(page.Path, "/")
	page.RawPath = ""
	page.RawQuery = page.Query().Encode()
	return page.String()
}

// searchStore looks through links, dead letters, and records that were decided
// without a ticket.
func (r *Resolver) searchStore(ctx context.Context, s *search) error {
	var byID []Match
	err := r.Repo.Each(ctx, func(l links.Stored) error {
		source := Match{Record: l.Source, Name: l.SourceNumber, URL: l.SourceURL}
		switch {
		case l.ID == s.name:
			s.exact = &Match{Record: l.Source, Name: l.SourceNumber, URL: l.SourceURL, Link: l.ID, Route: l.Route}
		case s.begins(l.ID):
			byID = append(byID, Match{Record: l.Source, Name: l.SourceNumber, URL: l.SourceURL, Link: l.ID, Route: l.Route})
		}
		if s.means(l.Source, l.SourceNumber, l.SourceURL) {
			s.add(source)
		}
		if l.Target != nil && s.means(*l.Target, l.Number, l.URL) {
			s.add(Match{Record: *l.Target, Name: l.Number, URL: l.URL})
		}
		return nil
	})
	if err != nil || s.exact != nil {
		return err
	}
	letters, err := r.Letters.List(ctx)
	if err != nil {
		return err
	}
	for _, d := range letters {
		switch {
		case d.ID == s.name:
			s.exact = &Match{Record: d.Record, Dead: d.ID, Route: d.Route}
			return nil
		case s.begins(d.ID):
			byID = append(byID, Match{Record: d.Record, Dead: d.ID, Route: d.Route})
		}
		if s.means(d.Record, "", "") {
			s.add(Match{Record: d.Record})
		}
	}
	err = r.Repo.EachUnlinked(ctx, func(_ string, ref connectors.Ref, u links.Unlinked) error {
		if s.means(ref, u.Number, u.URL) {
			s.add(Match{Record: ref, Name: u.Number, URL: u.URL})
		}
		return nil
	})
	for _, m := range byID {
		s.add(m)
	}
	return err
}

// Called is what people call a record that was decided on a route, and its ticket.
type Called struct {
	Link         string // id; empty: it has none
	Source       string
	SourceURL    string
	Ticket       connectors.Ref
	TicketNumber string
	TicketURL    string
}

// Of returns what is stored of the names of a record on a route.
func (r *Resolver) Of(ctx context.Context, route string, record connectors.Ref) (Called, error) {
	link, _, _, err := r.Repo.Current(ctx, route, record)
	if err == nil {
		called := Called{Link: link.ID, Source: link.SourceNumber, SourceURL: link.SourceURL, TicketNumber: link.Number, TicketURL: link.URL}
		if link.Target != nil {
			called.Ticket = *link.Target
		}
		return called, nil
	}
	if !isNotFound(err) {
		return Called{}, err
	}
	u, err := r.Repo.Unlinked(ctx, route, record)
	return Called{Source: u.Number, SourceURL: u.URL}, err
}

// Admits reports whether what a record holds may be shown: it is public, or a route
// that it belongs to takes private records.
func Admits(set *rules.Set, record connectors.Record) bool {
	if !record.Private {
		return true
	}
	return slices.ContainsFunc(set.Routes, func(route *rules.Route) bool {
		return route.Private && (route.Source == record.Ref.Collection || slices.ContainsFunc(reconcile.TemplatesOf(route), func(t *rules.Template) bool {
			return t.Target == record.Ref.Collection
		}))
	})
}

// An UnknownError says that nothing is known by a name.
type UnknownError struct {
	Name string
	// Failed are the connectors that could not be asked, with what they said.
	Failed map[string]error
}

func (e *UnknownError) Error() string {
	text := fmt.Sprintf("nothing is called %q: no link, no dead letter, and no record of the systems that are configured", e.Name)
	if len(e.Failed) == 0 {
		return text
	}
	text = fmt.Sprintf("nothing that is stored is called %q", e.Name)
	for _, connector := range sortedKeys(e.Failed) {
		text += fmt.Sprintf("; %s could not be asked: %s", connector, e.Failed[connector])
	}
	return text
}

// An AmbiguousError lists what a name may stand for.
type AmbiguousError struct {
	Name    string
	Matches []Match
}

func (e *AmbiguousError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q fits several; say which:", e.Name)
	for _, m := range e.Matches {
		fmt.Fprintf(&b, "\n  %s", m)
	}
	return b.String()
}

// String is the match as a list shows it: what names it without doubt comes first.
func (m Match) String() string {
	record := strings.TrimSpace(m.Record.String() + "  " + m.Name)
	switch {
	case m.Link != "":
		return fmt.Sprintf("%s  the link of %s%s", m.Link, cmp.Or(m.Name, m.Record.String()), m.onRoute())
	case m.Dead != "":
		return fmt.Sprintf("%s  a dead letter of %s%s", m.Dead, cmp.Or(m.Name, m.Record.String()), m.onRoute())
	}
	return record
}

func (m Match) onRoute() string {
	if m.Route == "" {
		return ""
	}
	return " on route " + m.Route
}
