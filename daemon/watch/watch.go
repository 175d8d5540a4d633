// Package watch tells when the files of a configuration may have changed, by
// the kernel's events and, where those are missing, by looking now and then. It
// knows nothing of what is in the files.
package watch

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// How the watcher waits.
const (
	settleTime = time.Second      // after the last event of a change: a slow copy pauses between two of its files
	settleMax  = 10 * time.Second // after its first: a busy directory must not starve a reload
	checkEvery = 10 * time.Second // without events: file systems that send none, events lost
	gitMax     = time.Minute      // for a git operation to end: a lock may have been left behind
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
	settle, settleMax, checkEvery, gitMax time.Duration

	waits  atomic.Int64 // how often a change had to wait for git
	locked time.Time    // since when a git operation is under way; zero: none is
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	w.settle = cmp.Or(w.settle, settleTime)
	w.settleMax = cmp.Or(w.settleMax, settleMax)
	w.checkEvery = cmp.Or(w.checkEvery, checkEvery)
	w.gitMax = cmp.Or(w.gitMax, gitMax)
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
			if w.underWay() {
				w.waits.Add(1)
				settled = time.After(w.settle)
				continue
			}
			settled = nil
			// Directories come and go with the change: watch first, then look.
			watched = w.update(notifier, watched)
			w.Changed(ctx)
			watched = w.update(notifier, watched)
		case <-ticker.C:
			if settled != nil || w.underWay() {
				continue // a change is being written
			}
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

// underWay reports whether git is writing the files: whether it has its index locked,
// for a while at the most.
func (w *Watcher) underWay() bool {
	if !gitLocked(w.Dir) {
		w.locked = time.Time{}
		return false
	}
	if w.locked.IsZero() {
		w.locked = time.Now()
	}
	return time.Since(w.locked) < w.gitMax
}

// gitLocked reports whether the repository that a directory lies in is locked.
func gitLocked(dir string) bool {
	at, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	if at, err = filepath.Abs(at); err != nil {
		return false
	}
	for {
		git := filepath.Join(at, ".git")
		if info, err := os.Lstat(git); err == nil {
			if !info.IsDir() { // of a worktree or a submodule: a file that names the place
				text, err := os.ReadFile(git)
				place, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
				if err != nil || !ok {
					return false
				}
				if git = place; !filepath.IsAbs(git) {
					git = filepath.Join(at, place)
				}
			}
			_, err := os.Lstat(filepath.Join(git, "index.lock"))
			return err == nil
		}
		parent := filepath.Dir(at)
		if parent == at {
			return false
		}
		at = parent
	}
}
