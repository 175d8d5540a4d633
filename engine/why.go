package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Why says what became of a record, and why.
type Why struct {
	Record connectors.Ref `json:"record"`
	Name   string         `json:"name"`
	URL    string         `json:"url"`
	// Ticket is what was asked for, where it is the record's ticket.
	Ticket *connectors.Ref `json:"ticket,omitempty"`
	// Routes are those that take the record, and others that it has something on.
	Routes []WhyRoute `json:"routes"`
}

// A WhyRoute says what became of a record on one route.
type WhyRoute struct {
	Route string `json:"route"`
	// Configured is false of a route that is gone.
	Configured bool `json:"configured"`
	// Decision is the newest one; nil: it was never looked at, or the journal does not
	// go back so far. At, Generation and Commit are of it.
	Decision   *rules.Decision `json:"decision"`
	At         *time.Time      `json:"at"`
	Generation string          `json:"generation"`
	Commit     string          `json:"commit"`
	Error      string          `json:"error,omitempty"` // that it led to
	// Decided is true where something is known of the record, though maybe not why.
	Decided bool         `json:"decided"`
	Link    *LinkView    `json:"link"`
	Waits   []string     `json:"waits"` // what is still to come
	Dead    []LetterView `json:"dead"`
}

// Why says what became of the records that a name means: one, or those that a ticket
// was opened for.
func (q *inquiries) Why(ctx context.Context, name string) ([]Why, error) {
	m, err := q.names.One(ctx, name)
	if err != nil {
		return nil, err
	}
	subjects, err := q.subjects(ctx, m)
	if err != nil {
		return nil, err
	}
	all := []Why{}
	for _, ref := range subjects {
		w := Why{Record: ref, Routes: []WhyRoute{}}
		if ref == m.Record {
			w.Name, w.URL = m.Name, m.URL
		} else {
			w.Ticket = &m.Record
		}
		if err := q.why(ctx, &w); err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

func (q *inquiries) why(ctx context.Context, w *Why) error {
	entries, err := q.core.Journal.Entries(ctx, w.Record, 0)
	if err != nil {
		return err
	}
	letters, err := q.Dead(ctx)
	if err != nil {
		return err
	}
	letters, err = q.lettersOf(ctx, letters, []names.Match{{Record: w.Record, Dead: ""}})
	if err != nil {
		return err
	}
	set := q.core.Config.Load().Set
	var routes []string
	add := func(route string) {
		if !slices.Contains(routes, route) {
			routes = append(routes, route)
		}
	}
	for _, route := range set.Routes {
		if route.Source == w.Record.Collection {
			add(route.Name)
		}
	}
	for _, entry := range entries {
		add(entry.Route)
	}
	for _, d := range letters {
		if d.Record == w.Record {
			add(d.Route)
		}
	}
	for _, name := range routes {
		one := WhyRoute{Route: name, Configured: set.Route(name) != nil, Waits: []string{}, Dead: []LetterView{}}
		one.decided(entries)
		if err := q.whyLink(ctx, w, &one); err != nil {
			return err
		}
		one.target(set)
		for _, d := range letters {
			if d.Record == w.Record && d.Route == name {
				one.Dead = append(one.Dead, LetterView{Letter: d, Named: Named{SourceName: w.Name}})
				one.Decided = true
			}
		}
		w.Routes = append(w.Routes, one)
	}
	return nil
}

// decided takes the newest decision out of the journal, newest first. Of a private
// record its values are not told.
func (w *WhyRoute) decided(entries []journal.Entry) {
	entries = slices.DeleteFunc(slices.Clone(entries), func(e journal.Entry) bool { return e.Route != w.Route })
	if len(entries) == 0 {
		return
	}
	newest := entries[0]
	at := newest.At.UTC()
	w.Decided, w.At, w.Generation, w.Commit, w.Error = true, &at, newest.Generation, newest.Commit, newest.Error
	// What it rested on is kept once for a version of the record.
	for _, e := range entries {
		var d rules.Decision
		if e.Snapshot == nil {
			continue
		}
		if s := e.Snapshot; s.Record.Private || s.Parent != nil && s.Parent.Private {
			break
		}
		if json.Unmarshal(e.Snapshot.Decided, &d) == nil && string(d.Action) == newest.Action && d.Template == newest.Template && d.Reason == newest.Reason {
			w.Decision = &d
		}
		break
	}
	if w.Decision == nil {
		w.Decision = &rules.Decision{
			Route: newest.Route, Record: newest.Record, Template: newest.Template, Target: newest.Target.Collection,
			Action: rules.Action(newest.Action), Reason: newest.Reason,
		}
	}
}

// target says where the ticket of a decision is, of which the journal tells too little.
func (w *WhyRoute) target(set *rules.Set) {
	d := w.Decision
	if d == nil || d.Template == "" || d.Target != (connectors.Collection{}) {
		return
	}
	if w.Link != nil && w.Link.Target != nil {
		d.Target = w.Link.Target.Collection
	} else if t := set.Templates[d.Template]; t != nil {
		d.Target = t.Target
	}
}

// whyLink adds the record's link on the route, and what waits.
func (q *inquiries) whyLink(ctx context.Context, w *Why, one *WhyRoute) error {
	link, _, _, err := q.core.Repo.Current(ctx, one.Route, w.Record)
	if err == nil {
		view := q.view(link)
		one.Link, one.Decided = &view, true
		one.Waits = append(one.Waits, q.waitsOf(link.Link)...)
		w.Name, w.URL = cmp.Or(w.Name, link.SourceNumber), cmp.Or(w.URL, link.SourceURL)
		return nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	u, err := q.core.Repo.Unlinked(ctx, one.Route, w.Record)
	if err != nil {
		return err
	}
	w.Name, w.URL = cmp.Or(w.Name, u.Number), cmp.Or(w.URL, u.URL)
	one.Decided = one.Decided || u != (links.Unlinked{})
	switch {
	case !u.Waiting.IsZero():
		one.Waits = append(one.Waits, "for the ticket of what it belongs to, since "+instant(u.Waiting))
	case u.ForNow:
		one.Waits = append(one.Waits, "for the record to leave the state in which no ticket is opened")
	case u.Failed:
		one.Waits = append(one.Waits, "for somebody to retry its dead letter, or for an edit of the record")
	}
	return nil
}

// waitsOf says what is still to come of a link.
func (q *inquiries) waitsOf(l *links.Link) (waits []string) {
	add := func(format string, args ...any) { waits = append(waits, fmt.Sprintf(format, args...)) }
	config := q.core.Config.Load()
	switch {
	case l.Phase == links.Claim && l.Opened != nil:
		add("for its ticket: it is about to be opened, or looked for by its key, since %s", instant(l.Opened.Since))
	case l.Intent != nil:
		add("for what became of a request to the %s whose answer is not known", l.Intent.Side)
	}
	if l.Phase == links.Active && config.Orphaned(l) {
		add("for its route, template or connector to be configured again")
	}
	if m := l.Missing; m != nil {
		add("for the %s, which was not found (%s, the last time at %s)", m.Side, times(m.Times), instant(m.At))
	}
	if l.Aside != nil {
		add("for an edit of either record, or for somebody to retry its dead letter")
	}
	for _, r := range l.Refused {
		add("%s, which was refused at %s (%s): for either value to change, or for a retry", links.Label(r.What), instant(r.At), r.Code)
	}
	now := q.core.Clock.Now()
	for name, c := range l.Contests {
		if c.Until.After(now) {
			add("%s, which others write as well: until %s", links.Label(name), instant(c.Until))
		}
	}
	slices.Sort(waits)
	refs := []connectors.Ref{l.Source}
	if l.Target != nil {
		refs = append(refs, *l.Target)
	}
	for _, ref := range refs {
		if g := config.Breakers[ref.Connector]; g != nil {
			if s := g.Status(); s.ThrottledUntil != nil {
				add("for %s, which is not called before %s", ref.Connector, instant(*s.ThrottledUntil))
			}
		}
	}
	return waits
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
