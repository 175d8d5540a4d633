package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Status is what GET /v1/status answers.
type Status struct {
	Ready bool `json:"ready"`
	// Waiting says what Ready waits for.
	Waiting    string                    `json:"waiting,omitempty"`
	Version    string                    `json:"version"`
	Generation string                    `json:"generation"` // the one that runs
	Commit     string                    `json:"commit"`
	Config     ConfigStatus              `json:"config"`
	Routes     []engine.RouteStatus      `json:"routes"`
	Connectors []breaker.ConnectorStatus `json:"connectors"`
	// RoutesError is why Routes is not known.
	RoutesError string `json:"routes_error,omitempty"`
	// Lost is what somebody deleted on the NATS server while the daemon ran.
	Lost []Loss `json:"lost,omitempty"`
	// Store is what was found wrong with the store, and what to do about it.
	Store []store.Finding `json:"store"`
}

// A Loss is something that was deleted and could not be made good.
type Loss struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// statusPatience is how long a store that is in trouble may take to say how
// the routes do.
const statusPatience = 2 * time.Second

// ConfigStatus says what is to be said of the files on disk.
type ConfigStatus struct {
	// OK is false while the files are bad; the daemon runs on an older
	// configuration then.
	OK bool `json:"ok"`
	// Stale is true where the files have changed and were not looked at yet.
	Stale bool `json:"stale,omitempty"`
	// Blocked is why good files were not taken over; it is tried again. Empty: they
	// were.
	Blocked  string    `json:"blocked,omitempty"`
	LoadedAt time.Time `json:"loaded_at"` // of the configuration that runs
	// Diagnostics are the errors of bad files, else warnings.
	Diagnostics rules.Diagnostics `json:"diagnostics"`
}

func (p *process) status(ctx context.Context) Status {
	state := p.reload.state.Load()
	stale, unknown := p.reload.glanced(ctx)
	s := Status{
		Version:    p.o.Version,
		Generation: state.set.Generation,
		Commit:     state.commit,
		Config: ConfigStatus{
			OK:          state.errors == nil,
			Stale:       stale,
			Blocked:     state.blocked,
			LoadedAt:    state.loadedAt.UTC(),
			Diagnostics: state.errors,
		},
		Routes:     []engine.RouteStatus{},
		Connectors: p.connectors(),
		Store:      p.findings(),
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
		ctx, cancel = context.WithTimeout(ctx, statusPatience)
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

func (p *process) findings() []store.Finding {
	e := p.engine.Load()
	if e == nil {
		return []store.Finding{}
	}
	return e.Findings()
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
