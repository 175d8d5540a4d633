package daemon

import (
	"context"
	"errors"
	"sync"
)

// errSuperseded ends a reload that was still reading when a newer one began.
var errSuperseded = errors.New("a newer reload has begun")

// An attempt is one reload.
type attempt struct {
	reading context.Context
	giveUp  context.CancelCauseFunc // of reading
	done    chan struct{}
	err     error // once done is closed
}

func (a *attempt) finish(err error) {
	a.err = err
	a.giveUp(nil)
	close(a.done)
}

// attempts know the newest of the reloads.
type attempts struct {
	mu     sync.Mutex
	newest *attempt
}

// begin returns a new attempt, which supersedes the one before.
func (all *attempts) begin(life context.Context) *attempt {
	a := &attempt{done: make(chan struct{})}
	a.reading, a.giveUp = context.WithCancelCause(life)
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.newest != nil {
		all.newest.giveUp(errSuperseded)
	}
	all.newest = a
	return a
}

// read reports whether what an attempt has read counts. From then on a newer
// one does not give it up any more, but comes after it.
func (all *attempts) read(a *attempt) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.newest == a
}

// end waits for the newest attempt; those before it do no harm any more.
func (all *attempts) end(ctx context.Context) error {
	all.mu.Lock()
	a := all.newest
	all.mu.Unlock()
	if a == nil {
		return nil
	}
	return waitFor(ctx, func() { <-a.done })
}

// waitFor waits for something that ends, no longer than ctx.
func waitFor(ctx context.Context, ends func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		ends()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait returns what became of an attempt, or of those that superseded it.
func (all *attempts) wait(a *attempt) error {
	for {
		<-a.done
		if !errors.Is(a.err, errSuperseded) {
			return a.err
		}
		all.mu.Lock()
		a = all.newest
		all.mu.Unlock()
	}
}
