package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/intake"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/pauses"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// A RouteStatus says how a route does.
type RouteStatus struct {
	Name     string `json:"name"`
	Pending  int    `json:"pending"`
	InFlight int    `json:"in_flight"`
	Links    int    `json:"links"`
	Dead     int    `json:"dead"`

	Source    string        `json:"source"`
	Templates []string      `json:"templates"` // in their order, with no_match
	Paused    *pauses.Pause `json:"paused"`    // nil: it is not

	// Runaways are the records whose computation was given up and still runs.
	Runaways int `json:"-"`

	// Oldest is the time of the oldest hint that waits; zero: none does.
	Oldest time.Time `json:"-"`
}

// Routes says how each configured route does, in the order of the
// configuration.
func (e *operations) Routes(ctx context.Context) ([]RouteStatus, error) {
	linked, dead := map[string]int{}, map[string]int{}
	err := e.core.Repo.Each(ctx, func(l links.Stored) error {
		linked[l.Route]++
		return nil
	})
	if err != nil {
		return nil, err
	}
	letters, err := e.Dead(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range letters {
		dead[d.Route]++
	}
	statuses := []RouteStatus{}
	for _, route := range e.core.Config.Load().Set.Routes {
		pending, oldest, err := e.core.Store.Hints.Backlog(ctx, intake.ConsumerOf(route))
		if err != nil {
			return nil, fmt.Errorf("backlog of route %s: %w", route.Name, err)
		}
		status := RouteStatus{
			Name: route.Name, Pending: pending, InFlight: e.workers.Queue.InWork(route.Name),
			Links: linked[route.Name], Dead: dead[route.Name], Runaways: e.workers.Runaways.On(route.Name), Oldest: oldest,
			Source: route.Source.String(), Templates: []string{},
		}
		for _, template := range reconcile.TemplatesOf(route) {
			status.Templates = append(status.Templates, template.Name)
		}
		if status.Paused, err = e.core.Pauses.Of(ctx, route.Name); err != nil {
			return nil, err
		}
		statuses = append(statuses, status)
	}
	return statuses, nil
}

// Route says how one configured route does.
func (e *operations) Route(ctx context.Context, name string) (RouteStatus, error) {
	all, err := e.Routes(ctx)
	if err != nil {
		return RouteStatus{}, err
	}
	for _, route := range all {
		if route.Name == name {
			return route, nil
		}
	}
	return RouteStatus{}, &NoRouteError{name}
}

// Connectors says how each connector does, by name.
func (e *operations) Connectors() []breaker.ConnectorStatus {
	statuses := []breaker.ConnectorStatus{}
	config := e.core.Config.Load()
	for name, g := range config.Breakers {
		s := g.Status()
		if missing := e.core.Absent.Of(name); missing.Records > 0 {
			s.Missing = &missing
		}
		if block := config.Set.Connectors[name]; block != nil && s.Attribute != "" {
			s.Setting = block.NameSetting(s.Attribute)
		}
		statuses = append(statuses, s)
	}
	slices.SortFunc(statuses, func(a, b breaker.ConnectorStatus) int { return strings.Compare(a.Name, b.Name) })
	return statuses
}
