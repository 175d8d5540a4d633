package watch

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"
)

// watched runs a watcher on dir and counts the calls for changes that have
// settled. Nothing is looked at without an event.
func watched(t *testing.T, dir string, files ...string) *atomic.Int64 {
	t.Helper()
	_, changes := watcher(t, dir, files...)
	return changes
}

func watcher(t *testing.T, dir string, files ...string) (*Watcher, *atomic.Int64) {
	t.Helper()
	var changes atomic.Int64
	started := make(chan struct{})
	w := &Watcher{
		Dir: dir, Files: func() []string { return files }, Log: slog.New(slog.DiscardHandler),
		Changed: func(context.Context) { changes.Add(1) },
		Check:   func(context.Context) { close(started) },
		settle:  20 * time.Millisecond, settleMax: 200 * time.Millisecond, checkEvery: time.Hour,
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	<-started // the kernel watches from here on
	return w, &changes
}

// seen waits for a change since the last call.
func seen(t *testing.T, changes *atomic.Int64, what string) {
	t.Helper()
	daemontest.Eventually(t, what, func() bool { return changes.Swap(0) > 0 })
}

func TestWatcherSees(t *testing.T) {
	t.Run("a file written in place", func(t *testing.T) {
		dir := t.TempDir()
		daemontest.WriteFile(t, filepath.Join(dir, "main.hcl"), "one")
		changes := watched(t, dir)
		daemontest.WriteFile(t, filepath.Join(dir, "main.hcl"), "two")
		seen(t, changes, "a write")
		daemontest.WriteFile(t, filepath.Join(dir, "more.hcl"), "three")
		seen(t, changes, "a new file")
		if err := os.Remove(filepath.Join(dir, "more.hcl")); err != nil {
			t.Fatal(err)
		}
		seen(t, changes, "a file removed")
	})
	t.Run("an editor's rename, again and again", func(t *testing.T) {
		dir := t.TempDir()
		file := filepath.Join(dir, "main.hcl")
		daemontest.WriteFile(t, file, "one")
		changes := watched(t, dir)
		for range 3 {
			daemontest.WriteFile(t, file+".swp", "two")
			daemontest.Rename(t, file, file+"~")
			daemontest.Rename(t, file+".swp", file)
			seen(t, changes, "a rename")
		}
	})
	t.Run("a Kubernetes swap, again and again", func(t *testing.T) {
		dir := t.TempDir()
		daemontest.WriteFile(t, filepath.Join(dir, "..1", "main.hcl"), "one")
		symlink(t, "..1", filepath.Join(dir, "..data"))
		symlink(t, filepath.Join("..data", "main.hcl"), filepath.Join(dir, "main.hcl"))
		changes := watched(t, dir)
		for _, next := range []string{"..2", "..3"} {
			old, err := os.Readlink(filepath.Join(dir, "..data"))
			if err != nil {
				t.Fatal(err)
			}
			daemontest.WriteFile(t, filepath.Join(dir, next, "main.hcl"), next)
			symlink(t, next, filepath.Join(dir, "..data_tmp"))
			daemontest.Rename(t, filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data"))
			if err := os.RemoveAll(filepath.Join(dir, old)); err != nil {
				t.Fatal(err)
			}
			seen(t, changes, "a swap")
		}
	})
	t.Run("a directory that is a link, pointed elsewhere", func(t *testing.T) {
		root := t.TempDir()
		daemontest.WriteFile(t, filepath.Join(root, "1", "main.hcl"), "one")
		daemontest.WriteFile(t, filepath.Join(root, "2", "main.hcl"), "two")
		symlink(t, "1", filepath.Join(root, "current"))
		changes := watched(t, filepath.Join(root, "current"))
		symlink(t, "2", filepath.Join(root, "next"))
		daemontest.Rename(t, filepath.Join(root, "next"), filepath.Join(root, "current"))
		seen(t, changes, "the link")
		daemontest.WriteFile(t, filepath.Join(root, "2", "main.hcl"), "three")
		seen(t, changes, "a write where the link points now")
	})
	t.Run("a directory that is removed and comes back", func(t *testing.T) {
		root := t.TempDir()
		dir := filepath.Join(root, "conf")
		daemontest.WriteFile(t, filepath.Join(dir, "main.hcl"), "one")
		changes := watched(t, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		seen(t, changes, "the removal")
		daemontest.WriteFile(t, filepath.Join(root, "next", "main.hcl"), "two")
		daemontest.Rename(t, filepath.Join(root, "next"), dir)
		seen(t, changes, "the return")
		daemontest.WriteFile(t, filepath.Join(dir, "main.hcl"), "three")
		seen(t, changes, "a write after it")
	})
	t.Run("an included file elsewhere", func(t *testing.T) {
		root := t.TempDir()
		text := filepath.Join(root, "shared", "text.md")
		daemontest.WriteFile(t, filepath.Join(root, "conf", "main.hcl"), "one")
		daemontest.WriteFile(t, text, "one")
		changes := watched(t, filepath.Join(root, "conf"), text)
		daemontest.WriteFile(t, text, "two")
		seen(t, changes, "a write to an included file")
	})
}

func TestWatcherWaitsUntilAChangeHasSettledButNotForEver(t *testing.T) {
	dir := t.TempDir()
	changes := watched(t, dir)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				// Faster than the settling time, without end.
				_ = os.WriteFile(filepath.Join(dir, "busy.hcl"), []byte{byte(i)}, 0o600)
			}
		}
	}()
	seen(t, changes, "a change in a directory that never rests")
	close(stop)
	<-done
}

func TestWatcherLooksNowAndThen(t *testing.T) {
	var checks atomic.Int64
	w := &Watcher{
		Dir: t.TempDir(), Files: func() []string { return nil }, Log: slog.New(slog.DiscardHandler),
		Changed: func(context.Context) {}, Check: func(context.Context) { checks.Add(1) },
		settle: time.Hour, settleMax: time.Hour, checkEvery: time.Millisecond,
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	daemontest.Eventually(t, "three looks without an event", func() bool { return checks.Load() >= 3 })
	cancel()
	<-done
}

// TestGitUnderWay: what git writes is one change, however long it takes.
func TestGitUnderWay(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "conf")
	lock := filepath.Join(root, ".git", "index.lock")
	daemontest.WriteFile(t, filepath.Join(dir, "main.hcl"), "one")
	daemontest.WriteFile(t, lock, "")
	w, changes := watcher(t, dir)
	for _, text := range []string{"two", "three"} {
		daemontest.WriteFile(t, filepath.Join(dir, "main.hcl"), text)
		before := w.waits.Load()
		daemontest.Eventually(t, "the change to wait for git", func() bool { return w.waits.Load() > before+1 || changes.Load() != 0 })
		if changes.Load() != 0 {
			t.Fatal("what git has not finished is taken for a change")
		}
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	seen(t, changes, "the change")
}

// TestGitGivenUp: a lock that somebody left behind holds a change up for a while alone.
func TestGitGivenUp(t *testing.T) {
	dir := t.TempDir()
	daemontest.WriteFile(t, filepath.Join(dir, ".git", "index.lock"), "")
	daemontest.WriteFile(t, filepath.Join(dir, "main.hcl"), "one")
	w := &Watcher{Dir: dir, gitMax: time.Millisecond}
	if !w.underWay() {
		t.Error("nothing is under way")
	}
	daemontest.Eventually(t, "the wait to be given up", func() bool { return !w.underWay() })
	if err := os.Remove(filepath.Join(dir, ".git", "index.lock")); err != nil {
		t.Fatal(err)
	}
	if w.underWay() {
		t.Error("something is under way without a lock")
	}
}
