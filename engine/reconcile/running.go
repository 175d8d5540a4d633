package reconcile

import (
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Config is what the engine runs. It is replaced as a whole.
type Config struct {
	Set        *rules.Set
	Commit     string // of the configuration's git repository; empty: none
	Connectors map[string]connectors.Connector
}

// Running is a Config with the breakers of its connectors.
type Running struct {
	Config
	Breakers map[string]*breaker.Breaker
}

// Orphaned reports whether a link's route, template or connector is not
// configured, or its template opens its tickets elsewhere now. It rests until
// that comes back. This is a matter of the configuration that runs, and not
// stored in the link (rule 8.4).
func (c *Running) Orphaned(l *links.Link) bool {
	route, template := c.Set.Route(l.Route), c.Set.Templates[l.Template]
	if route == nil || route.Source != l.Source.Collection || template == nil {
		return true
	}
	target := template.Target
	if l.Target != nil {
		target = l.Target.Collection
	}
	return target != template.Target || !c.Has(target)
}

// Has reports whether the connector of a collection is configured.
func (c *Running) Has(in connectors.Collection) bool {
	g := c.Breakers[in.Connector]
	return g != nil && g.Type == in.Type
}

// TemplatesOf returns all templates that a route may choose.
func TemplatesOf(r *rules.Route) []*rules.Template {
	if r.NoMatch == nil {
		return r.Templates
	}
	return append(slices.Clone(r.Templates), r.NoMatch)
}
