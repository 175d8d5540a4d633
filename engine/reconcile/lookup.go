package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// lookUp is the one way to find a ticket by its key.
func (w observer) lookUp(ctx context.Context, in connectors.Collection, key string) (*plan.Tickets, error) {
	g, err := w.breakerFor(in)
	if err != nil {
		return nil, err
	}
	finder, ok := g.Connector.(connectors.KeyFinder)
	if !ok {
		return nil, &connectors.Error{Class: connectors.ClassRejected, Op: "write", Record: in.String(), Message: "nothing can be written to this system"}
	}
	found, err := breaker.Ask(ctx, g, breaker.Kind(breaker.OpLookUp, in.Record), func() ([]connectors.Record, error) {
		return finder.FindByKey(ctx, in, key)
	})
	if err != nil {
		return nil, err
	}
	t := &plan.Tickets{}
	for _, ticket := range found {
		if ticket.Foreign {
			t.Taken = append(t.Taken, ticket)
		} else {
			t.Own = append(t.Own, ticket)
		}
	}
	return t, nil
}

// lookUpClaimed finds the ticket of a claim: by its key, or else the one that the
// system has named.
func (w observer) lookUpClaimed(ctx context.Context, in connectors.Collection, claim *links.Link) (*plan.Tickets, error) {
	t, err := w.lookUp(ctx, in, claim.Key)
	if err != nil || len(t.Own) > 0 || claim.Opened.MadeRef == nil {
		return t, err
	}
	made, err := w.readTicket(ctx, *claim.Opened.MadeRef)
	switch {
	case err == nil:
		t.Own = append(t.Own, made)
	case connectors.IsRefusal(err): // it is hidden
		err = nil
	}
	return t, err
}

// findUnkeyed finds what was opened since a claim and has no key, but for what is
// known to be another record's.
func (w observer) findUnkeyed(ctx context.Context, e *plan.Endpoint, since time.Time) ([]connectors.Record, error) {
	finder, ok := e.System.(connectors.UnkeyedFinder)
	if !ok {
		return nil, nil
	}
	all, err := breaker.Ask(ctx, w.breakerOf(e), breaker.Kind("find unkeyed", e.Ref.Record), func() ([]connectors.Record, error) {
		return finder.FindUnkeyed(ctx, e.Ref.Collection, since)
	})
	var found []connectors.Record
	for _, record := range all {
		switch _, linked := w.engine.Repo.ByTarget(ctx, record.Ref); {
		case errors.Is(linked, store.ErrNotFound):
			found = append(found, record)
		case linked != nil:
			return nil, linked
		}
	}
	return found, err
}
