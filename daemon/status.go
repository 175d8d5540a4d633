package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// statusTimeout is how long a store that is in trouble may take to say how
// the routes do.
const statusTimeout = 2 * time.Second

func (p *process) status(ctx context.Context) admin.Status {
	state := p.reload.state.Load()
	stale, unknown := p.reload.glanced(ctx)
	s := admin.Status{
		Version:    p.o.Version,
		Generation: state.set.Generation,
		Commit:     state.commit,
		Config: admin.ConfigStatus{
			OK:          state.errors == nil,
			Stale:       stale,
			Blocked:     state.blocked,
			LoadedAt:    state.loadedAt.UTC(),
			Diagnostics: state.errors,
		},
		Routes:     []engine.RouteStatus{},
		Connectors: p.connectors(),
		Store:      p.warnings(),
	}
	if s.Config.OK {
		s.Config.Diagnostics = p.reload.warnings(state)
		if p.certificates != nil {
			s.Config.Diagnostics = append(s.Config.Diagnostics, p.certificates.warnings()...)
		}
	}
	s.Config.Diagnostics = slices.Concat(s.Config.Diagnostics, unknown)
	if s.Config.Diagnostics == nil {
		s.Config.Diagnostics = rules.Diagnostics{}
	}
	if opened := p.store.Load(); opened != nil {
		s.Lost = opened.losses()
	}
	// The same as readyz, whatever else is to be said.
	err := p.ready()
	if s.Ready = err == nil; !s.Ready {
		s.Waiting = err.Error()
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, statusTimeout)
		defer cancel()
	}
	if routes, err := p.routes(ctx); err != nil {
		s.RoutesError = err.Error()
	} else if routes != nil {
		s.Routes = routes
	}
	return s
}

// routes returns none until the engine runs.
func (p *process) routes(ctx context.Context) ([]engine.RouteStatus, error) {
	e := p.engine.Load()
	if e == nil {
		return nil, nil
	}
	return e.Routes(ctx)
}

func (p *process) warnings() []store.Warning {
	e := p.engine.Load()
	if e == nil {
		return []store.Warning{}
	}
	return e.Warnings()
}

func (p *process) connectors() []breaker.ConnectorStatus {
	e := p.engine.Load()
	if e == nil {
		return []breaker.ConnectorStatus{}
	}
	all := e.Connectors()
	set := p.reload.state.Load().set
	for i := range all {
		secret := ""
		if block := set.Connectors[all[i].Name]; block != nil {
			secret = block.NameSetting("webhook_secret")
		}
		p.webhooks.addTo(&all[i], secret)
	}
	return all
}
