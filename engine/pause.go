package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/engine/pauses"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// PauseRoute pauses a route of this configuration until somebody resumes it: nothing is
// written on it by any daemon, over restarts and reloads, and nothing is lost, for the
// newest hint of each record waits. No request begins after it has returned; one that
// was being sent ends. by says who it is to those who wonder. One that is paused stays
// as it is.
func (e *Engine) PauseRoute(ctx context.Context, route, by string) (RouteStatus, error) {
	if e.core.Config.Load().Set.Route(route) == nil {
		return RouteStatus{}, &NoRouteError{route}
	}
	if err := e.core.Pauses.Pause(ctx, route, pauses.Pause{Since: e.core.Clock.Now(), By: by}); err != nil {
		return RouteStatus{}, err
	}
	if err := e.obeyPauses(ctx); err != nil {
		return RouteStatus{}, err
	}
	return e.Route(ctx, route)
}

// ResumeRoute lets a route go on where it was paused. One that is not paused is left as
// it is.
func (e *Engine) ResumeRoute(ctx context.Context, route string) (RouteStatus, error) {
	configured := e.core.Config.Load().Set.Route(route) != nil
	err := e.core.Pauses.Resume(ctx, route)
	switch {
	case errors.Is(err, store.ErrNotFound) && !configured:
		return RouteStatus{}, &NoRouteError{route}
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return RouteStatus{}, err
	case !configured: // it goes on when it comes back
		return RouteStatus{Name: route, Templates: []string{}}, nil
	}
	if err := e.obeyPauses(ctx); err != nil {
		return RouteStatus{}, err
	}
	return e.Route(ctx, route)
}

// A NoRouteError says that there is no route of a name.
type NoRouteError struct{ Name string }

func (e *NoRouteError) Error() string { return fmt.Sprintf("there is no route %q", e.Name) }

// obeyPauses reads the hints of the routes that are not paused, and of no others.
func (e *Engine) obeyPauses(ctx context.Context) error {
	if err := e.applying.lock(ctx); err != nil {
		return err
	}
	defer e.applying.Unlock()
	if e.drained.Load() {
		return nil // the next daemon obeys
	}
	set := e.core.Config.Load().Set
	readers, err := e.consumers.begin(ctx, set)
	if err != nil {
		return err
	}
	readers.deliver(set)
	return nil
}

// obeyOthers obeys a pause that another daemon was told of, as soon as it keeps a
// record from being written here. That others have resumed a route is seen by the
// minute.
func (e *Engine) obeyOthers() {
	for {
		select {
		case <-e.loops.Done():
			return
		case <-e.core.Pauses.Found():
		}
		if err := e.obeyPauses(e.loops); err != nil && e.loops.Err() == nil {
			e.core.Log.Warn("that a route is paused was not taken over; it is tried again within a minute, and nothing is written meanwhile", "error", err)
		}
	}
}
