package daemon

import (
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

// A watcher calls back when the files of a configuration may have changed.
type watcher struct {
	dir   string
	files func() []string // that the configuration was read from
	log   *slog.Logger

	changed func(context.Context) // after events have settled
	check   func(context.Context) // now and then

	// settle, settleMax and checkEvery of the constants' names; tests shorten them.
	settle, settleMax, checkEvery time.Duration
}

// run watches until ctx ends.
func (w *watcher) run(ctx context.Context) {
	events := make(<-chan fsnotify.Event)
	failures := make(<-chan error)
	notifier, err := fsnotify.NewWatcher()
	if err != nil {
		w.log.Warn("the configuration directory is not watched; it is looked at now and then", "every", w.checkEvery, "error", err)
	} else {
		defer notifier.Close()
		events, failures = notifier.Events, notifier.Errors
	}
	watched := w.update(notifier, nil)
	// What changed between loading and watching sent no event.
	w.check(ctx)

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
			w.log.Warn("watching the configuration directory", "error", err)
			settled, first = time.After(w.settle), time.Now()
		case <-settled:
			settled = nil
			// Directories come and go with the change: watch first, then look.
			watched = w.update(notifier, watched)
			w.changed(ctx)
			watched = w.update(notifier, watched)
		case <-ticker.C:
			watched = w.update(notifier, watched)
			w.check(ctx)
		}
	}
}

// update brings the kernel's watches in line with what is to be watched now.
func (w *watcher) update(notifier *fsnotify.Watcher, before watchSet) watchSet {
	next := newWatchSet(w.dir, w.files())
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
			w.log.Debug("not watched", "directory", dir, "error", err)
		}
	}
	return next
}
