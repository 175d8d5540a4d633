package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A RouteStatus says how a route does.
type RouteStatus struct {
	Name     string `json:"name"`
	Pending  int    `json:"pending"`
	InFlight int    `json:"in_flight"`
	Links    int    `json:"links"`
	Dead     int    `json:"dead"`

	// Oldest is the time of the oldest hint that waits; zero: none does.
	Oldest time.Time `json:"-"`
}

// A ConnectorStatus says how a connector does.
type ConnectorStatus struct {
	Name           string     `json:"name"`
	Type           string     `json:"type"`
	OK             bool       `json:"ok"`
	LastError      string     `json:"last_error"`
	ThrottledUntil *time.Time `json:"throttled_until"`
}

// Routes says how each configured route does, in the order of the
// configuration.
func (e *Engine) Routes(ctx context.Context) ([]RouteStatus, error) {
	links, dead := map[string]int{}, map[string]int{}
	err := e.eachLink(ctx, func(l stored) error {
		links[l.Route]++
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
	for _, route := range e.config.Load().Set.Routes {
		pending, oldest, err := e.store.Hints.Backlog(ctx, placeOf(route))
		if err != nil {
			return nil, fmt.Errorf("backlog of route %s: %w", route.Name, err)
		}
		statuses = append(statuses, RouteStatus{
			Name: route.Name, Pending: pending, InFlight: e.queue.inWork(route.Name),
			Links: links[route.Name], Dead: dead[route.Name], Oldest: oldest,
		})
	}
	return statuses, nil
}

// Connectors says how each connector does, by name.
func (e *Engine) Connectors() []ConnectorStatus {
	statuses := []ConnectorStatus{}
	for _, g := range e.config.Load().guards {
		statuses = append(statuses, g.status())
	}
	slices.SortFunc(statuses, func(a, b ConnectorStatus) int { return strings.Compare(a.Name, b.Name) })
	return statuses
}
