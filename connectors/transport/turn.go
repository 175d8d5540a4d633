package transport

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/time/rate"
)

// A budget is the rate budget of one system. Those who wait for it take turns:
// first the ones under a lease, for what they were allowed to send they were
// allowed for seconds, then the others, each in the order in which they came.
type budget struct {
	limiter *rate.Limiter

	mu      sync.Mutex
	taken   bool // somebody waits for the limiter
	leased  []chan struct{}
	waiting []chan struct{}
}

// wait waits for a request's turn.
func (b *budget) wait(ctx context.Context, leased bool) error {
	if err := b.queue(ctx, leased); err != nil {
		return err
	}
	defer b.pass()
	return b.limiter.Wait(ctx)
}

func (b *budget) queue(ctx context.Context, leased bool) error {
	b.mu.Lock()
	if !b.taken {
		b.taken = true
		b.mu.Unlock()
		return nil
	}
	turn, line := make(chan struct{}), &b.waiting
	if leased {
		line = &b.leased
	}
	*line = append(*line, turn)
	b.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(*line, turn); i >= 0 {
		*line = slices.Delete(*line, i, i+1)
		return ctx.Err()
	}
	b.next() // it was handed over this very moment
	return ctx.Err()
}

// pass hands the turn over.
func (b *budget) pass() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next()
}

// next needs the lock.
func (b *budget) next() {
	for _, line := range []*[]chan struct{}{&b.leased, &b.waiting} {
		if len(*line) > 0 {
			turn := (*line)[0]
			*line = (*line)[1:]
			close(turn)
			return
		}
	}
	b.taken = false
}
