package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/systemd"
	"github.com/lockstep-sync/lockstep/daemon/watch"
	"github.com/lockstep-sync/lockstep/rules"
)

// reloadTimeout bounds one reload, which may wait for the store.
const reloadTimeout = time.Minute

// A configState says what configuration runs and what is to be said of the
// files on disk. It is replaced as a whole.
type configState struct {
	set      *rules.Set // the one that runs
	commit   string
	loadedAt time.Time
	// errors are of files that are bad and were not taken over; nil: the
	// configuration that runs is that of the files.
	errors rules.Diagnostics
	// blocked is why good files were not taken over (the store, a connector); it is
	// tried again.
	blocked string
	// advice is what the systems said of the configuration that runs.
	advice rules.Diagnostics
}

// A reloader takes over the configuration when its files change. Everything
// that can fail happens before the swap: a bad configuration changes nothing
// but what the reloader reports.
type reloader struct {
	dir     string
	log     *slog.Logger
	metrics reloadMetrics
	notify  systemd.Notifier

	// life, if not nil, ends reloads that are under way.
	life   context.Context
	load   func(context.Context) (*rules.Set, rules.Diagnostics)
	commit func(context.Context) string
	// apply swaps; on an error the old configuration runs on.
	apply func(ctx context.Context, set *rules.Set, commit string) error
	// applied, if not nil, is told of a configuration that has begun to run.
	applied func(set *rules.Set)

	attempts attempts
	glance   glance

	// mu lets one change happen at a time. The files are read without it.
	mu     sync.Mutex
	looked atomic.Pointer[string] // fingerprint of the files last looked at
	state  atomic.Pointer[configState]
	// first is the daemon block that the listeners and the store were made from.
	first rules.Daemon
}

// reloadMetrics is told how reloads went.
type reloadMetrics interface {
	reloaded(ok bool)
	configured(set *rules.Set, commit string)
}

// begin loads the configuration that the daemon starts with.
func (r *reloader) begin(ctx context.Context) (*rules.Set, rules.Diagnostics) {
	set, found := r.read(ctx, nil)
	if set == nil {
		return nil, found
	}
	r.first = set.Daemon
	r.state.Store(&configState{set: set, commit: r.commit(ctx), loadedAt: time.Now()})
	r.metrics.reloaded(true)
	r.metrics.configured(set, r.state.Load().commit)
	return set, found
}

// read loads the files and remembers how they looked before. files are those
// that the configuration is known to include. It returns when ctx ends, whatever
// the file system does.
func (r *reloader) read(ctx context.Context, files []string) (*rules.Set, rules.Diagnostics) {
	type loaded struct {
		set   *rules.Set
		found rules.Diagnostics
	}
	done := make(chan loaded, 1)
	go func() {
		set, found := r.readFiles(ctx, files)
		done <- loaded{set, found}
	}()
	select {
	case l := <-done:
		return l.set, l.found
	case <-ctx.Done():
		return nil, rules.Diagnostics{{
			Severity: rules.SeverityError, File: r.dir,
			Summary: "the load was given up: " + context.Cause(ctx).Error(),
		}}
	}
}

func (r *reloader) readFiles(ctx context.Context, files []string) (*rules.Set, rules.Diagnostics) {
	for range 3 {
		before := watch.Fingerprint(r.dir, files)
		set, found := r.load(ctx)
		if ctx.Err() != nil {
			return set, found // it may not have looked at all of them
		}
		r.looked.Store(&before)
		if set == nil || slices.Equal(files, set.Files) {
			return set, found
		}
		// What else it includes may have changed before it was looked at.
		files = set.Files
	}
	return r.load(ctx)
}

// stale reports whether the files have changed since they were last looked at.
func (r *reloader) stale() bool {
	state, looked := r.state.Load(), r.looked.Load()
	return state == nil || looked == nil || *looked != watch.Fingerprint(r.dir, state.set.Files)
}

// files are those that the configuration that runs was read from.
func (r *reloader) files() []string { return r.state.Load().set.Files }

// check reloads if there is a reason to: for the events that were missed, and
// for what a bad configuration waits for.
func (r *reloader) check(ctx context.Context) {
	if now := r.state.Load(); now.errors != nil || now.blocked != "" || r.stale() {
		_ = r.reload(ctx, "check") // it has logged what went wrong
	}
}

// reload reads the files and takes them over if they are good and new. It
// returns admin.ErrBadConfig, or what kept the daemon from changing over. Who asked may
// hang up: what has begun goes on.
//
// The newest reload counts. One that still reads when another begins is given up,
// and its caller gets the other's result.
func (r *reloader) reload(ctx context.Context, cause string) error {
	life := r.life
	if life == nil {
		life = context.WithoutCancel(ctx)
	}
	if err := life.Err(); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	a := r.attempts.begin(life)
	go func() { a.finish(r.attempt(life, a, cause)) }()
	return r.attempts.wait(a)
}

// attempt tries one reload.
func (r *reloader) attempt(life context.Context, a *attempt, cause string) error {
	r.tell(r.notify.Reloading())
	now := r.state.Load()
	set, found := r.read(a.reading, now.set.Files)

	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.attempts.read(a) {
		return errSuperseded
	}
	if err := life.Err(); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	ctx, cancel := context.WithTimeout(life, reloadTimeout)
	defer cancel()
	err := r.take(ctx, set, found, cause)
	status := "running"
	switch {
	case errors.Is(err, admin.ErrBadConfig):
		status = "running on an older configuration: the files have errors"
	case err != nil:
		status = "running on an older configuration: the files could not be taken over"
	}
	r.tell(r.notify.Ready(status))
	return err
}

// causeEmpty is the cause of a reload that may leave no route.
const causeEmpty = "request, empty"

// noRoutes is said of files that have lost all their routes. Who writes them may not be
// done; that nothing is to be kept in step any more, somebody has to say.
func (r *reloader) noRoutes() rules.Diagnostics {
	return rules.Diagnostics{{
		Severity: rules.SeverityError, File: r.dir, Summary: "no routes",
		Detail: "The configuration that runs has some, so these files may be half written. To take them over: lockstep reload -empty, or start the daemon again.",
	}}
}

// take takes over what was read. r.mu is held.
func (r *reloader) take(ctx context.Context, set *rules.Set, found rules.Diagnostics, cause string) error {
	now := r.state.Load()
	if set != nil && len(set.Routes) == 0 && len(now.set.Routes) > 0 && cause != causeEmpty {
		r.refuse(r.noRoutes(), cause)
		return admin.ErrBadConfig
	}
	if set == nil {
		r.refuse(found, cause)
		return admin.ErrBadConfig
	}
	commit := now.commit
	if set.Generation != now.set.Generation || cause != "check" {
		commit = r.commit(ctx)
	}
	if set.Generation == now.set.Generation {
		if commit != now.commit {
			// The bytes were committed; decisions should say so.
			if err := r.apply(ctx, now.set, commit); err != nil {
				return err
			}
			r.metrics.configured(now.set, commit)
		}
		if now.errors != nil {
			r.log.Info("configuration is again the one that runs", "generation", set.Generation)
		}
		if now.errors != nil || now.blocked != "" || commit != now.commit {
			next := *now
			next.errors, next.blocked, next.commit = nil, "", commit
			r.state.Store(&next)
		}
		r.metrics.reloaded(true)
		return nil
	}

	if err := r.apply(ctx, set, commit); err != nil {
		r.block(err, cause)
		return err
	}
	// The new configuration runs.
	r.state.Store(&configState{set: set, commit: commit, loadedAt: time.Now()})
	r.metrics.reloaded(true)
	r.metrics.configured(set, commit)
	r.log.Info("configuration reloaded", "cause", cause, "generation", set.Generation, "commit", commit,
		"was", now.set.Generation)
	for _, d := range r.warnings(r.state.Load()) {
		logDiagnostic(r.log, d)
	}
	if r.applied != nil {
		r.applied(set)
	}
	return nil
}

// refuse keeps the errors of files that are not taken over, and logs those
// that are new.
func (r *reloader) refuse(found rules.Diagnostics, cause string) {
	now := *r.state.Load()
	r.metrics.reloaded(false)
	if reflect.DeepEqual(now.errors, found) {
		return
	}
	now.errors, now.blocked = found, ""
	r.state.Store(&now)
	r.log.Error("configuration not reloaded; keeping the current one", "cause", cause, "errors", len(found),
		"generation", now.set.Generation)
	for _, d := range found {
		logDiagnostic(r.log, d)
	}
}

// block keeps why good files were not taken over, and logs it where it is new.
func (r *reloader) block(why error, cause string) {
	now := *r.state.Load()
	r.metrics.reloaded(false)
	if now.errors == nil && now.blocked == why.Error() {
		return
	}
	now.errors, now.blocked = nil, why.Error()
	r.state.Store(&now)
	r.log.Error("the files are good and could not be taken over; keeping the current configuration and trying again", "cause", cause, "error", why, "generation", now.set.Generation)
}

// warnings returns what is to be said of a configuration that runs.
func (r *reloader) warnings(s *configState) rules.Diagnostics {
	all := slices.Clone(s.set.Warnings)
	if changed := daemonChanges(r.first, s.set.Daemon); len(changed) > 0 {
		all = append(all, rules.Diagnostic{
			Severity: rules.SeverityWarning, File: r.dir,
			Summary: "the daemon block changed: " + strings.Join(changed, ", "),
			Detail:  "These settings take effect when the daemon is started again.",
		})
	}
	return append(all, s.advice...)
}

// advise keeps what the systems said of the set, if it still runs.
func (r *reloader) advise(set *rules.Set, advice rules.Diagnostics) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.state.Load()
	if now.set != set {
		return
	}
	next := *now
	next.advice = advice
	r.state.Store(&next)
}

func (r *reloader) tell(err error) {
	if err != nil {
		r.log.Warn("the service manager was not told", "error", err)
	}
}

// daemonChanges names the attributes of the daemon block that differ.
func daemonChanges(a, b rules.Daemon) []string {
	var changed []string
	differ := func(name string, equal bool) {
		if !equal {
			changed = append(changed, name)
		}
	}
	differ("listen", a.Listen == b.Listen)
	differ("admin", a.Admin == b.Admin)
	differ("admin_token", a.AdminToken == b.AdminToken)
	differ("data_dir", a.DataDir == b.DataDir)
	differ("nats", reflect.DeepEqual(a.NATS, b.NATS))
	differ("encryption", a.EncryptionKey == b.EncryptionKey)
	differ("tls", a.TLS.Same(b.TLS))
	return changed
}

func logDiagnostic(log *slog.Logger, d rules.Diagnostic) {
	level := slog.LevelWarn
	if d.Severity == "error" {
		level = slog.LevelError
	}
	log.Log(context.Background(), level, d.Summary, "file", d.File, "line", d.Line, "column", d.Column, "detail", d.Detail)
}
