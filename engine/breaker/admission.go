package breaker

import (
	"context"

	"github.com/lockstep-sync/lockstep/connectors"
)

// An admission is what has to be known of a connector before its first call: that
// its credentials see the records that the links are of.
type admission struct {
	turn  chan struct{}               // holds one token while nobody checks
	check func(context.Context) error // nil: nothing is to be known, or it is known
}

// Admit has check run before the first call goes through, and again before the
// next one where it failed. Its failure is the call's. It is to be called before
// the breaker is used.
func (g *Breaker) Admit(check func(context.Context) error) {
	g.admission = admission{turn: make(chan struct{}, 1), check: check}
	g.admission.turn <- struct{}{}
}

// admitted runs the check, for one caller at a time. The others wait, which is not
// computing, and not under a mutex.
func (a *admission) admitted(ctx context.Context) error {
	if a.turn == nil {
		return nil
	}
	select {
	case <-a.turn:
	default:
		end := connectors.Waiting(ctx)
		select {
		case <-a.turn:
			end()
		case <-ctx.Done():
			end()
			return ctx.Err()
		}
	}
	defer func() { a.turn <- struct{}{} }()
	if a.check == nil {
		return nil
	}
	err := a.check(ctx)
	if err == nil {
		a.check = nil
	}
	return err
}

// opProbe is the operation of Probe.
const opProbe = "probe"

// Probe asks whose the credentials are. Where the system cannot say, the identity
// is empty.
func (g *Breaker) Probe(ctx context.Context) (connectors.Identity, error) {
	return Ask(ctx, g, opProbe, func() (connectors.Identity, error) { return g.Identify(ctx) })
}

// Identify is Probe for the check of an admission, which is a part of the call that
// it admits.
func (g *Breaker) Identify(ctx context.Context) (connectors.Identity, error) {
	prober, ok := g.Connector.(connectors.Prober)
	if !ok {
		return connectors.Identity{}, nil
	}
	return prober.Probe(ctx)
}
