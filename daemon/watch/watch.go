// Package watch tells when the files of a configuration may have changed, by
// the kernel's events and, where those are missing, by looking now and then. It
// knows nothing of what is in the files.
package watch

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"
)

// How the watcher waits.
const (
	settleTime = 200 * time.Millisecond // after the last event of a change
	settleMax  = 2 * time.Second        // after its first: a busy directory must not starve a reload
	checkEvery = 10 * time.Second       // without events: file systems that send none, events lost
)

// A Watcher calls back when the files of a configuration may have changed. The
// callbacks run in Run, one at a time.
type Watcher struct {
	Dir   string
	Files func() []string // that the configuration was read from
	Log   *slog.Logger

	Changed func(context.Context) // after events have settled
	Check   func(context.Context) // now and then

	// Tests shorten them; zero: the constants above.
	settle, settleMax, checkEvery time.Duration
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	w.settle = cmp.Or(w.settle, settleTime)
	w.settleMax = cmp.Or(w.settleMax, settleMax)
	w.checkEvery = cmp.Or(w.checkEvery, checkEvery)
	events := make(<-chan fsnotify.Event)
	failures := make(<-chan error)
	notifier, err := fsnotify.NewWatcher()
	if err != nil {
		w.Log.Warn("the configuration directory is not watched; it is looked at now and then", "every", w.checkEvery, "error", err)
	} else {
		defer notifier.Close()
		events, failures = notifier.Events, notifier.Errors
	}
	watched := w.update(notifier, nil)
	// What changed between loading and watching sent no event.
	w.Check(ctx)

	ticker := time.NewTicker(w.checkEvery)
	defer ticker.Stop()
	var settled <-chan time.Time // nil: nothing has happened
	var first time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-events:
			if !watched.matters(event.Name) {
				continue
			}
			now := time.Now()
			if settled == nil {
				first = now
			}
			settled = time.After(max(0, min(w.settle, w.settleMax-now.Sub(first))))
		case err := <-failures:
			// The kernel's queue ran over: anything may have happened.
			w.Log.Warn("watching the configuration directory", "error", err)
			settled, first = time.After(w.settle), time.Now()
		case <-settled:
			settled = nil
			// Directories come and go with the change: watch first, then look.
			watched = w.update(notifier, watched)
			w.Changed(ctx)
			watched = w.update(notifier, watched)
		case <-ticker.C:
			watched = w.update(notifier, watched)
			w.Check(ctx)
		}
	}
}

// update brings the kernel's watches in line with what is to be watched now.
func (w *Watcher) update(notifier *fsnotify.Watcher, before set) set {
	next := newSet(w.Dir, w.Files())
	if notifier == nil {
		return next
	}
	for dir := range before {
		if next[dir] == nil {
			// It fails for a directory that is gone, whose watch is gone with it.
			_ = notifier.Remove(dir)
		}
	}
	for dir := range next {
		// Again for those that are watched: a directory that was replaced is
		// another one under the same name.
		if err := notifier.Add(dir); err != nil {
			w.Log.Debug("not watched", "directory", dir, "error", err)
		}
	}
	return next
}
