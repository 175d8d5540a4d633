package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/names"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// An AdoptError says why a pair cannot be adopted.
type AdoptError struct{ Message string }

func (e *AdoptError) Error() string { return e.Message }

func cannotAdopt(format string, args ...any) error { return &AdoptError{fmt.Sprintf(format, args...)} }

// An Adoption is a pair that exists already, as people name it.
type Adoption struct {
	Route    string `json:"route"`
	Source   string `json:"source"`
	Target   string `json:"target"`
	Template string `json:"template,omitempty"` // empty: the one that the rules choose
}

// Adopted is a pair that was adopted, or may be.
type Adopted struct {
	LinkView
	// Already is true where the two were a pair before.
	Already bool `json:"already"`
	// Operations are what the first reconcile would do, where that was asked for.
	Operations []plan.Operation `json:"operations,omitempty"`
}

// A pair is what an adoption comes to: the link as it would be.
type pair struct {
	config *reconcile.Running
	source connectors.Record
	ticket connectors.Record
	link   *links.Link
	before *links.Stored // what is there already, and gives way; nil: nothing does
	same   bool          // they are a pair
}

// Adopt makes a link between a record and a ticket that both exist: between those that
// were read, whatever they were called. Both are agreed on as they are; only what is
// empty is filled in. A pair already is left as it is.
func (a *actions) Adopt(ctx context.Context, adoption Adoption) (Adopted, error) {
	if err := a.adopting.lock(ctx); err != nil { // what was checked holds until it is stored
		return Adopted{}, err
	}
	defer a.adopting.Unlock()
	p, err := a.pairUp(ctx, adoption)
	if err != nil {
		return Adopted{}, err
	}
	if p.same {
		return Adopted{LinkView: a.view(*p.before), Already: true}, nil
	}
	if err := a.saveAdopted(ctx, p); err != nil {
		return Adopted{}, err
	}
	for _, reason := range []string{deadletter.ReasonKeyTaken, deadletter.ReasonUnknownTicket, deadletter.ReasonMoved} { // a person has answered it
		if err := a.core.Letters.Remove(ctx, p.link.Route, p.link.Source, "", reason); err != nil {
			return Adopted{}, err
		}
	}
	if err := a.core.Store.Hints.Add(ctx, p.link.Source, ""); err != nil {
		return Adopted{}, fmt.Errorf("hint %s: %w", p.link.Source, err)
	}
	view, err := a.Link(ctx, p.link.ID)
	return Adopted{LinkView: view}, err
}

// CheckAdoption says what Adopt would do, and stores nothing. With operations it says
// what the first reconcile would write.
func (a *actions) CheckAdoption(ctx context.Context, adoption Adoption, operations bool) (Adopted, error) {
	p, err := a.pairUp(ctx, adoption)
	if err != nil {
		return Adopted{}, err
	}
	result := Adopted{LinkView: a.view(links.Stored{Link: p.link}), Already: p.same}
	if p.same {
		result.LinkView = a.view(*p.before)
	}
	if !operations {
		return result, nil
	}
	planned, err := a.core.DryRunLink(ctx, p.link)
	result.Operations = planned.Operations
	return result, err
}

// pairUp finds and reads the pair, and whatever keeps it from being one.
func (a *actions) pairUp(ctx context.Context, adoption Adoption) (*pair, error) {
	p := &pair{config: a.core.Config.Load()}
	route := p.config.Set.Route(adoption.Route)
	if route == nil {
		return nil, &NoRouteError{adoption.Route}
	}
	var targets []connectors.Collection
	for _, t := range reconcile.TemplatesOf(route) {
		targets = append(targets, t.Target)
	}
	var err error
	if p.source, err = a.readMeant(ctx, p.config, adoption.Source, fmt.Sprintf("route %s takes", route.Name), route.Source); err != nil {
		return nil, err
	}
	if !route.Admits(p.source) {
		return nil, cannotAdopt("%s is private, and route %q takes no private records", p.source.Ref, route.Name)
	}
	if p.ticket, err = a.readMeant(ctx, p.config, adoption.Target, fmt.Sprintf("the templates of route %s write", route.Name), targets...); err != nil {
		return nil, err
	}
	template, err := a.templateOf(ctx, p, route, adoption.Template)
	if err != nil {
		return nil, err
	}
	n, err := a.checkFree(ctx, p, route)
	if err != nil {
		return nil, err
	}
	p.link = links.New(route.Name, p.source.Ref, n)
	p.become(p.link, template)
	return p, nil
}

// become makes the pair's link of a link.
func (p *pair) become(l *links.Link, template string) {
	target := p.ticket.Ref
	l.Template, l.Phase, l.Target, l.Number, l.URL = template, links.Active, &target, p.ticket.Number, p.ticket.URL
	l.Generation, l.Commit = p.config.Set.Generation, p.config.Commit
	l.DropContents()
	l.NameSource(p.source, true) // as the route was found to take it
	l.Missing = nil
}

// readMeant reads the record that a name means among those of some types. Its ref is as
// its system says it, which is not always as people type it.
func (a *actions) readMeant(ctx context.Context, config *reconcile.Running, name, wants string, in ...connectors.Collection) (connectors.Record, error) {
	found, err := a.names.Resolve(ctx, name)
	if err != nil {
		return connectors.Record{}, err
	}
	var fit []names.Match
	for _, m := range found {
		if m.Link == "" && m.Dead == "" && slices.Contains(in, m.Record.Collection) {
			fit = append(fit, m)
		}
	}
	switch {
	case len(fit) == 0:
		var types []string
		for _, c := range in {
			if !slices.Contains(types, c.String()) {
				types = append(types, c.String())
			}
		}
		return connectors.Record{}, cannotAdopt("%s is %s, and %s records of %s", name, found[0].Record, wants, strings.Join(types, " and "))
	case len(fit) > 1:
		return connectors.Record{}, &names.AmbiguousError{Name: name, Matches: fit}
	}
	record, err := a.readRef(ctx, config, fit[0].Record)
	if class, known := connectors.ClassOf(err); known && class == connectors.ClassGone {
		return connectors.Record{}, cannotAdopt("%s (%s) is not there any more", name, fit[0].Record)
	}
	return record, err
}

// templateOf is the template of the pair: the one that was named, else the one that the
// rules choose, else the only one that writes such tickets.
func (a *actions) templateOf(ctx context.Context, p *pair, route *rules.Route, named string) (string, error) {
	target := p.ticket.Ref.Collection
	var fit []string
	for _, t := range reconcile.TemplatesOf(route) {
		if t.Name == named && t.Target != target {
			return "", cannotAdopt("template %s writes records of %s, and %s is of another type", named, t.Target, p.ticket.Ref)
		}
		if t.Target == target {
			fit = append(fit, t.Name)
		}
	}
	if named != "" {
		if !slices.Contains(fit, named) {
			return "", cannotAdopt("route %s has no template %q", route.Name, named)
		}
		return named, nil
	}
	d, err := a.core.DecideNow(ctx, route.Name, p.source.Ref)
	switch {
	case err != nil:
		return "", err
	case slices.Contains(fit, d.Template):
		return d.Template, nil
	case d.Template != "":
		return "", cannotAdopt("the rules choose template %s for %s, which opens tickets in %s: name another with -template", d.Template, called(p.source), d.Target)
	case len(fit) == 1:
		return fit[0], nil
	}
	return "", cannotAdopt("the rules choose no template for %s (%s): name one with -template (%s)", called(p.source), d.Reason, strings.Join(fit, ", "))
}

func called(r connectors.Record) string { return cmp.Or(r.Number, r.Ref.String()) }

// checkFree fails where the record or the ticket has a link already, and says which. It
// returns the number of the link.
func (a *actions) checkFree(ctx context.Context, p *pair, route *rules.Route) (n int, err error) {
	before, id, n, err := a.core.Repo.Current(ctx, route.Name, p.source.Ref)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return 0, err
	default:
		p.before = &before
		p.same = before.Phase == links.Active && before.Target != nil && *before.Target == p.ticket.Ref
		given := before.Opened != nil && before.Opened.Told // the creation was given up, and somebody asked to look
		if !p.same && (before.Phase == links.Active || before.Phase == links.Claim && !given) {
			return 0, cannotAdopt("%s has link %s on this route already%s; unlink it first", called(p.source), before.ID, withTicket(before))
		}
	}
	other, err := a.core.Repo.ByTarget(ctx, p.ticket.Ref)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return 0, err
	case other.Phase != links.Detached && other.ID != id && other.Target != nil && *other.Target == p.ticket.Ref:
		return 0, cannotAdopt("%s belongs to link %s of %s on route %s; unlink it first", called(p.ticket), other.ID, cmp.Or(other.SourceNumber, other.Source.String()), other.Route)
	}
	return n, nil
}

func withTicket(l links.Stored) string {
	if l.Target == nil {
		return ""
	}
	return ", with " + cmp.Or(l.Number, l.Target.String())
}

// saveAdopted stores the link of a pair, and what it is found by.
func (a *actions) saveAdopted(ctx context.Context, p *pair) error {
	_, err := a.core.Repo.Save(ctx, p.link, 0)
	if errors.Is(err, store.ErrConflict) {
		err = a.core.Repo.Change(ctx, p.link.ID, func(l *links.Link) error {
			given := l.Opened != nil && l.Opened.Told
			if l.Phase == links.Active || l.Phase == links.Claim && !given {
				return cannotAdopt("%s has link %s on this route already; unlink it first", called(p.source), l.ID)
			}
			p.become(l, p.link.Template)
			return nil
		})
	}
	if err != nil {
		return err
	}
	return a.core.Repo.IndexTarget(ctx, p.link)
}
