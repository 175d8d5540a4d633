package pauses

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// A Pause says since when a route is paused, and who paused it. Both are empty where what
// is stored of it cannot be read: the route is paused all the same.
type Pause struct {
	Since time.Time `json:"since,omitzero"`
	By    string    `json:"by,omitempty"`
}

// A document is how a Pause is stored, one for each route. That it is there is what
// pauses the route, whatever it says: a build that cannot read it writes nothing either.
type document struct {
	V     int       `json:"v"`
	Since time.Time `json:"since"`
	By    string    `json:"by,omitempty"`
}

const (
	prefix  = "paused/"
	version = 1
)

// ErrPaused is why nothing is written on a route.
var ErrPaused = errors.New("its route is paused")

// Pauses are the pauses of a store. Those who write ask Check directly before; what is
// known from the last look saves the work that leads there.
type Pauses struct {
	state store.Bucket
	known atomic.Pointer[map[string]Pause]
	found chan struct{} // receives when Check finds a pause that was not known
}

// New returns the pauses of a bucket, none of which is known yet.
func New(state store.Bucket) *Pauses { return &Pauses{state: state, found: make(chan struct{}, 1)} }

// Known reports whether a route was paused when somebody looked last.
func (p *Pauses) Known(route string) bool {
	_, paused := p.all()[route]
	return paused
}

func (p *Pauses) all() map[string]Pause {
	if known := p.known.Load(); known != nil {
		return *known
	}
	return nil
}

// Found receives when somebody was kept from writing by a pause that was not known here:
// another daemon's.
func (p *Pauses) Found() <-chan struct{} { return p.found }

// Check fails with ErrPaused where a route is paused, by whichever daemon.
func (p *Pauses) Check(ctx context.Context, route string) error {
	pause, err := p.Of(ctx, route)
	if pause == nil || err != nil {
		return err
	}
	if !p.Known(route) {
		select {
		case p.found <- struct{}{}:
		default:
		}
	}
	return fmt.Errorf("%w: route %s", ErrPaused, route)
}

// Of reads the pause of a route; nil: it has none.
func (p *Pauses) Of(ctx context.Context, route string) (*Pause, error) {
	entry, err := p.state.Get(ctx, prefix+route)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pause of route %s: %w", route, err)
	}
	pause := decode(entry.Value)
	return &pause, nil
}

// Look reads which of these routes are paused. From then on they are known.
func (p *Pauses) Look(ctx context.Context, routes []string) error {
	now := map[string]Pause{}
	for _, route := range routes {
		pause, err := p.Of(ctx, route)
		if err != nil {
			return err
		}
		if pause != nil {
			now[route] = *pause
		}
	}
	p.known.Store(&now)
	return nil
}

// Restore pauses again what is known to be paused: the store has lost it.
func (p *Pauses) Restore(ctx context.Context) error {
	for route, pause := range p.all() {
		if err := p.Pause(ctx, route, pause); err != nil {
			return err
		}
	}
	return nil
}

func decode(value []byte) Pause {
	var d document
	if json.Unmarshal(value, &d) != nil || d.V > version {
		return Pause{}
	}
	return Pause{Since: d.Since, By: d.By}
}

// Pause pauses a route. One that is paused stays as it is. Nobody begins to write on it
// after Pause has returned.
func (p *Pauses) Pause(ctx context.Context, route string, pause Pause) error {
	value, err := json.Marshal(document{V: version, Since: pause.Since.UTC(), By: pause.By})
	if err == nil {
		_, err = p.state.Create(ctx, prefix+route, value)
	}
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("pause of route %s: %w", route, err)
	}
	return nil
}

// Resume ends the pause of a route; store.ErrNotFound where it has none.
func (p *Pauses) Resume(ctx context.Context, route string) error {
	_, err := p.state.Get(ctx, prefix+route)
	if err == nil {
		err = p.state.Delete(ctx, prefix+route, 0)
	}
	if err != nil {
		return fmt.Errorf("pause of route %s: %w", route, err)
	}
	return nil
}
