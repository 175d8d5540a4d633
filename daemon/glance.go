package daemon

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/rules"
)

// glanceTimeout is how long the file system may take to say whether the files
// have changed.
const glanceTimeout = time.Second

// A glance asks the file system what it may never answer: the server of a mount
// may be gone. So no more than one question is open at a time.
type glance struct {
	once sync.Once
	open chan struct{} // holds one while a question has no answer
	said atomic.Bool   // the newest answer
}

// ask returns the answer to a question, or when ctx ends first the newest one
// that there was, and false.
func (g *glance) ask(ctx context.Context, question func() bool) (said, answered bool) {
	g.once.Do(func() { g.open = make(chan struct{}, 1) })
	select {
	case g.open <- struct{}{}:
	case <-ctx.Done():
		return g.said.Load(), false
	}
	answer := make(chan bool, 1)
	go func() {
		said := question()
		g.said.Store(said)
		<-g.open
		answer <- said
	}()
	select {
	case said := <-answer:
		return said, true
	case <-ctx.Done():
		return g.said.Load(), false
	}
}

// glanced returns stale, for those who cannot wait for a file system that does not
// answer: they get what was known before, and a warning.
func (r *reloader) glanced(ctx context.Context) (stale bool, warning rules.Diagnostics) {
	ctx, cancel := context.WithTimeout(ctx, glanceTimeout)
	defer cancel()
	stale, answered := r.glance.ask(ctx, r.stale)
	if answered {
		return stale, nil
	}
	return stale, rules.Diagnostics{{
		Severity: rules.SeverityWarning, File: r.dir,
		Summary: "the file system of the configuration does not answer",
		Detail:  "Whether the files have changed is not known; the configuration that was loaded goes on.",
	}}
}
