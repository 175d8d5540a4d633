package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// cutOffTime is how long Drain waits for what it has cut off. What ignores
// the end of its context is left behind.
const cutOffTime = 2 * time.Second

// A lock is a mutex that can be waited for until a context ends.
type lock chan struct{}

// Lock waits for as long as it takes.
func (l lock) Lock() { l <- struct{}{} }

// Unlock lets the next one have it.
func (l lock) Unlock() { <-l }

func (l lock) lock(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Drain finishes the reconciles in work and stops. When ctx ends first, they
// are cut off; what they left under way is settled at the next start. It returns
// two seconds after that at the latest, whatever a system, the store or a
// computation does.
func (e *Engine) Drain(ctx context.Context) error {
	e.ready.Store(false)
	e.drained.Store(true)
	defer e.workers.StopWork()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.end()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	// All of it ends by itself, or has to wait for what is in work.
	e.workers.StopWork()
	e.stopLoops()
	e.workers.Queue.Close()
	select {
	case <-ended:
		return fmt.Errorf("drain: work was cut off: %w", ctx.Err())
	case <-time.After(cutOffTime):
		return fmt.Errorf("drain: work was cut off, and some of it did not end: %w", ctx.Err())
	}
}

// end stops everything and waits for it.
func (e *Engine) end() {
	e.applying.Lock()
	defer e.applying.Unlock()
	e.consumers.end()
	e.waiting.Stop()
	e.stopLoops()
	e.workers.Queue.Close()
	e.running.Wait()
	<-e.workers.Queue.Ended
	if config := e.core.Config.Load(); config != nil {
		if err := errors.Join(e.positions.RecordProgress(e.workers.Work, config), e.losses.keepEnds(e.workers.Work)); err != nil {
			e.core.Log.Debug("how far it has come was not noted", "error", err)
		}
	}
	if err := e.daemons.End(e.workers.Work); err != nil {
		e.core.Log.Debug("other daemons were not told that this one stops", "error", err)
	}
}
