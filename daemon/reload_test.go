package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/daemon/systemd"
	"github.com/lockstep-sync/lockstep/rules"
)

// A fakeConfig is a directory whose one file is the generation, or "bad".
type fakeConfig struct {
	dir, file string
	loads     int
	applied   []string // generation@commit
	fail      error    // of apply
	commit    string
	daemon    rules.Daemon
	warning   string
	routes    []*rules.Route
	outcomes  []bool
}

func newReloader(t *testing.T) (*reloader, *fakeConfig, *daemontest.Log) {
	t.Helper()
	f := &fakeConfig{dir: t.TempDir(), commit: "c1"}
	f.file = filepath.Join(f.dir, "main.hcl")
	daemontest.WriteFile(t, f.file, "one")
	log, lines := daemontest.NewLog()
	r := &reloader{
		dir: f.dir, log: log, metrics: f,
		load: f.load,
		commit: func(context.Context) string {
			return f.commit
		},
		apply: func(_ context.Context, set *rules.Set, commit string) error {
			if f.fail == nil {
				f.applied = append(f.applied, set.Generation+"@"+commit)
			}
			return f.fail
		},
	}
	if set, found := r.begin(t.Context()); set == nil {
		t.Fatal(found)
	}
	return r, f, lines
}

func (f *fakeConfig) load(context.Context) (*rules.Set, rules.Diagnostics) {
	f.loads++
	text, err := os.ReadFile(f.file)
	if err != nil || string(text) == "bad" {
		return nil, rules.Diagnostics{{Severity: "error", File: f.file, Line: 1, Column: 1, Summary: "it is bad"}}
	}
	set := &rules.Set{Dir: f.dir, Generation: string(text), Files: []string{f.file}, Daemon: f.daemon, Routes: f.routes}
	if f.warning != "" {
		set.Warnings = rules.Diagnostics{{Severity: "warning", Summary: f.warning}}
	}
	return set, set.Warnings
}

func (f *fakeConfig) reloaded(ok bool) { f.outcomes = append(f.outcomes, ok) }

func (f *fakeConfig) configured(*rules.Set, string) {}

func TestReload(t *testing.T) {
	r, f, log := newReloader(t)
	ctx := t.Context()
	running := func(want string) {
		t.Helper()
		if got := r.state.Load().set.Generation; got != want {
			t.Errorf("generation %q runs, want %q", got, want)
		}
	}

	// Unchanged bytes reload nothing.
	before := r.state.Load()
	daemontest.WriteFile(t, f.file, "one")
	if err := r.reload(ctx, "test"); err != nil {
		t.Fatal(err)
	}
	if r.state.Load() != before || f.applied != nil {
		t.Errorf("unchanged bytes were applied: %v", f.applied)
	}

	// New ones are taken over.
	daemontest.WriteFile(t, f.file, "two")
	f.commit, f.warning = "c2", "mind the gap"
	if err := r.reload(ctx, "test"); err != nil {
		t.Fatal(err)
	}
	running("two")
	if r.state.Load().commit != "c2" || !strings.Contains(log.String(), "mind the gap") {
		t.Errorf("commit %q, log %s", r.state.Load().commit, log)
	}

	// Bad ones change nothing but what is said.
	daemontest.WriteFile(t, f.file, "bad")
	if err := r.reload(ctx, "test"); !errors.Is(err, admin.ErrBadConfig) {
		t.Errorf("a bad configuration: %v", err)
	}
	running("two")
	if s := r.state.Load(); len(s.errors) != 1 || s.errors[0].Summary != "it is bad" {
		t.Errorf("errors %v", s.errors)
	}
	logged := strings.Count(log.String(), "it is bad")
	if err := r.reload(ctx, "test"); !errors.Is(err, admin.ErrBadConfig) {
		t.Errorf("still bad: %v", err)
	}
	if got := strings.Count(log.String(), "it is bad"); logged != 1 || got != 1 {
		t.Errorf("the same error was logged %d, then %d times", logged, got)
	}

	// Back to what runs: good again, nothing to apply.
	daemontest.WriteFile(t, f.file, "two")
	if err := r.reload(ctx, "test"); err != nil {
		t.Fatal(err)
	}
	if s := r.state.Load(); s.errors != nil {
		t.Errorf("errors of files that are good again: %v", s.errors)
	}
	if want := []string{"two@c2"}; !cmp.Equal(f.applied, want) {
		t.Errorf("applied %v, want %v", f.applied, want)
	}
	if want := []bool{true, true, true, false, false, true}; !cmp.Equal(f.outcomes, want) {
		t.Errorf("outcomes %v, want %v", f.outcomes, want)
	}

	// The same bytes, committed.
	f.commit = "c3"
	if err := r.reload(ctx, "test"); err != nil {
		t.Fatal(err)
	}
	if s := r.state.Load(); s.commit != "c3" || !slices.Contains(f.applied, "two@c3") {
		t.Errorf("commit %q, applied %v", s.commit, f.applied)
	}
}

func TestReloadThatCannotBeAppliedIsTriedAgain(t *testing.T) {
	r, f, _ := newReloader(t)
	daemontest.WriteFile(t, f.file, "two")
	f.fail = errors.New("the store is away")
	if err := r.reload(t.Context(), "test"); err == nil || errors.Is(err, admin.ErrBadConfig) {
		t.Errorf("error %v, want that of the store", err)
	}
	// Nothing is said of the files, which are good.
	if s := r.state.Load(); s.set.Generation != "one" || s.errors != nil || !strings.Contains(s.blocked, "the store is away") {
		t.Errorf("generation %s, errors %v, blocked %q", s.set.Generation, s.errors, s.blocked)
	}
	f.fail = nil
	r.check(t.Context())
	if s := r.state.Load(); s.set.Generation != "two" || s.errors != nil || s.blocked != "" {
		t.Errorf("generation %s, errors %v, blocked %q", s.set.Generation, s.errors, s.blocked)
	}
}

func TestCheckLoadsOnlyForAReason(t *testing.T) {
	r, f, _ := newReloader(t)
	loads := f.loads
	if r.stale() {
		t.Error("stale right after loading")
	}
	r.check(t.Context())
	if f.loads != loads {
		t.Error("loaded without a reason")
	}
	daemontest.WriteFile(t, f.file, "second")
	if !r.stale() {
		t.Error("not stale after a change")
	}
	r.check(t.Context())
	if s := r.state.Load(); s.set.Generation != "second" || r.stale() {
		t.Errorf("generation %s runs, stale %v", s.set.Generation, r.stale())
	}
	daemontest.WriteFile(t, f.file, "bad")
	r.check(t.Context())
	loads = f.loads
	r.check(t.Context())
	if f.loads == loads {
		t.Error("bad files are not looked at again, and what they wait for may be anywhere")
	}
}

func TestReloadOutlivesWhoAskedForIt(t *testing.T) {
	r, f, _ := newReloader(t)
	ctx, cancel := context.WithCancel(t.Context())
	apply := r.apply
	r.apply = func(ctx context.Context, set *rules.Set, commit string) error {
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return apply(ctx, set, commit)
	}
	daemontest.WriteFile(t, f.file, "two")
	if err := r.reload(ctx, "test"); err != nil {
		t.Error(err)
	}
}

func TestReloadTellsTheServiceManager(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "n")
	next := daemontest.Manager(t, socket)
	r, f, _ := newReloader(t)
	r.notify = systemd.NewNotifier(func(name string) (string, bool) { return socket, name == "NOTIFY_SOCKET" })
	for _, tt := range []struct{ text, status string }{
		{"one", "running"},
		{"two", "running"},
		{"bad", "running on an older configuration: the files have errors"},
	} {
		daemontest.WriteFile(t, f.file, tt.text)
		_ = r.reload(t.Context(), "test")
		if got := next(); !strings.HasPrefix(got, "RELOADING=1\n") {
			t.Errorf("%s: first %q", tt.text, got)
		}
		if got, want := next(), "READY=1\nSTATUS="+tt.status; got != want {
			t.Errorf("%s: then %q, want %q", tt.text, got, want)
		}
	}
}

func TestDaemonBlockNeedsAStart(t *testing.T) {
	r, f, log := newReloader(t)
	f.daemon = rules.Daemon{Listen: ":80", AdminToken: "canary", NATS: &rules.NATS{URL: "nats://x"}, TLS: &rules.TLS{Cert: rules.File{Path: "c.pem"}}}
	daemontest.WriteFile(t, f.file, "two")
	if err := r.reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	found := r.warnings(r.state.Load())
	want := "the daemon block changed: listen, admin_token, nats, tls"
	if len(found) != 1 || found[0].Summary != want || found[0].Severity != "warning" {
		t.Errorf("warnings %v, want %q", found, want)
	}
	if !strings.Contains(log.String(), want) || strings.Contains(log.String(), "canary") {
		t.Errorf("log %s", log)
	}
}

func TestAdviceIsOfTheSetThatRuns(t *testing.T) {
	r, f, _ := newReloader(t)
	old := r.state.Load().set
	r.advise(old, rules.Diagnostics{{Severity: "warning", Summary: "no such choice"}})
	if found := r.warnings(r.state.Load()); len(found) != 1 {
		t.Errorf("warnings %v, want the advice", found)
	}
	daemontest.WriteFile(t, f.file, "two")
	if err := r.reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	r.advise(old, rules.Diagnostics{{Severity: "warning", Summary: "too late"}})
	if found := r.warnings(r.state.Load()); len(found) != 0 {
		t.Errorf("warnings %v, want none of an older configuration", found)
	}
}

// A file that is included from elsewhere may change between loading and the
// first look at it.
func TestBeginSeesIncludedFiles(t *testing.T) {
	f := &fakeConfig{dir: t.TempDir()}
	f.file = filepath.Join(t.TempDir(), "elsewhere.hcl")
	daemontest.WriteFile(t, f.file, "one")
	r := &reloader{dir: f.dir, log: quiet, metrics: f, load: f.load, commit: func(context.Context) string { return "" }}
	if set, found := r.begin(t.Context()); set == nil {
		t.Fatal(found)
	}
	if r.stale() {
		t.Error("stale right after loading")
	}
	daemontest.WriteFile(t, f.file, "two, longer")
	if !r.stale() {
		t.Error("a change of an included file goes unseen")
	}
}

func TestGitCommit(t *testing.T) {
	dir := t.TempDir()
	if got := gitCommit(t.Context(), dir); got != "" {
		t.Errorf("commit %q without a repository", got)
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := git(t.Context(), dir, append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return out
	}
	run("init", "-q")
	if got := gitCommit(t.Context(), dir); got != "" {
		t.Errorf("commit %q without a commit", got)
	}
	daemontest.WriteFile(t, filepath.Join(dir, "main.hcl"), "one")
	run("add", "main.hcl")
	run("commit", "-q", "-m", "one")
	head := run("rev-parse", "HEAD")
	if got := gitCommit(t.Context(), dir); got != head {
		t.Errorf("commit %q, want %q", got, head)
	}
	daemontest.WriteFile(t, filepath.Join(dir, "notes.txt"), "not configuration")
	if got := gitCommit(t.Context(), dir); got != head {
		t.Errorf("commit %q with another file, want %q", got, head)
	}
	daemontest.WriteFile(t, filepath.Join(dir, "more.hcl"), "two")
	if got, want := gitCommit(t.Context(), dir), head+"-dirty"; got != want {
		t.Errorf("commit %q with a new file, want %q", got, want)
	}
	if got := fmt.Sprint(gitCommit(t.Context(), filepath.Join(dir, "gone"))); got != "" {
		t.Errorf("commit %q of a directory that is gone", got)
	}
}

// A load that does not end holds up neither a newer reload nor the end of the
// daemon.
func TestReloadThatHangs(t *testing.T) {
	r, f, _ := newReloader(t)
	life, stop := context.WithCancel(t.Context())
	r.life = life
	hangs := make(chan struct{}, 1)
	load := r.load
	r.load = func(context.Context) (*rules.Set, rules.Diagnostics) {
		hangs <- struct{}{}
		select {} // as a file system that does not answer does
	}
	began := func() <-chan error {
		result := make(chan error, 1)
		go func() { result <- r.reload(t.Context(), "test") }()
		<-hangs
		return result
	}
	first := began()

	daemontest.WriteFile(t, f.file, "two")
	r.load = load
	if err := r.reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	if err := <-first; err != nil || r.state.Load().set.Generation != "two" {
		t.Errorf("%v, generation %s", err, r.state.Load().set.Generation)
	}
	if r.state.Load().errors != nil {
		t.Errorf("what was given up is said of the files: %v", r.state.Load().errors)
	}

	r.load = func(context.Context) (*rules.Set, rules.Diagnostics) {
		hangs <- struct{}{}
		select {}
	}
	second := began()
	stop()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("stopping: %v", err)
	}
	if err := r.attempts.end(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLostRoutes: files that have lost all their routes are half written, unless
// somebody says that they are not.
func TestLostRoutes(t *testing.T) {
	r, f, log := newReloader(t)
	ctx := t.Context()
	f.routes = []*rules.Route{{Name: "r"}}
	write := func(text string) {
		t.Helper()
		daemontest.WriteFile(t, f.file, text)
	}
	write("routes")
	if err := r.reload(ctx, "test"); err != nil {
		t.Fatal(err)
	}
	f.routes = nil
	write("emptied")
	for _, cause := range []string{"files changed", "check", "signal", "request"} {
		if err := r.reload(ctx, cause); !errors.Is(err, admin.ErrBadConfig) {
			t.Errorf("%s: got %v", cause, err)
		}
	}
	s := r.state.Load()
	if s.set.Generation != "routes" || len(s.errors) != 1 || s.errors[0].Summary != "no routes" {
		t.Errorf("running %s, said %v", s.set.Generation, s.errors)
	}
	if got := strings.Count(log.String(), "configuration not reloaded"); got != 1 {
		t.Errorf("it is said %d times:\n%s", got, log)
	}
	if err := r.reload(ctx, causeEmpty); err != nil {
		t.Error(err)
	}
	if s := r.state.Load(); s.set.Generation != "emptied" || s.errors != nil {
		t.Errorf("running %s, said %v", s.set.Generation, s.errors)
	}
	// From nothing to nothing nothing is lost.
	write("still empty")
	if err := r.reload(ctx, "files changed"); err != nil {
		t.Error(err)
	}
}
