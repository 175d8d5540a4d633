package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/rules"
)

// placeOf names the durable place of a route. A route that reads another
// source is at another place: what waits at the old one is not its business.
func placeOf(r *rules.Route) string { return r.Name + " " + r.Source.String() }

func routeAt(place string) string {
	name, _, _ := strings.Cut(place, " ")
	return name
}

func sourceAt(place string) string {
	_, source, _ := strings.Cut(place, " ")
	return source
}

// forgetPlaces ends the places of routes that are no longer configured, or
// read another source. Hints that were pending there become dead letters.
func (e *Engine) forgetPlaces(ctx context.Context, set *rules.Set) {
	wanted := map[string]bool{}
	for _, route := range set.Routes {
		wanted[placeOf(route)] = true
	}
	for place, stop := range e.consumers {
		if !wanted[place] {
			stop()
			delete(e.consumers, place)
		}
	}
	names, err := e.store.Hints.Names(ctx)
	if err != nil {
		e.log.Error("routes that are gone were not looked for", "error", err)
		return
	}
	for _, place := range names {
		if wanted[place] {
			continue
		}
		route := routeAt(place)
		pending, err := e.store.Hints.Forget(ctx, place)
		if err != nil {
			e.log.Error("the place of a route that is gone was not removed", "route", route, "error", err)
			continue
		}
		for _, ref := range pending {
			letter := DeadLetter{
				Route: route, Record: ref, Reason: ReasonRouteGone,
				Message: "the route was removed, or given another source, while the record waited; retrying hints the record anew",
			}
			if err := e.bury(ctx, letter, false); err != nil {
				e.log.Error("a pending hint of a route that is gone was lost", "route", route, "record", ref.String(), "error", err)
			}
		}
	}
}

// forgetCursors lets the polls of sources that no route has read lately begin
// anew: a new route begins with what changes from now on.
func (e *Engine) forgetCursors(ctx context.Context, set *rules.Set) error {
	places, err := e.store.Hints.Names(ctx)
	if err != nil {
		return fmt.Errorf("places of routes: %w", err)
	}
	read := map[string]bool{}
	for _, place := range places {
		read[sourceAt(place)] = true
	}
	for _, route := range set.Routes {
		if read[route.Source.String()] {
			continue
		}
		if err := e.store.Marks.Delete(ctx, cursorKey(route.Source), 0); err != nil {
			return fmt.Errorf("cursor of %s: %w", route.Source, err)
		}
	}
	return nil
}
