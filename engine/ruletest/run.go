package ruletest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// Options say which tests run and how.
type Options struct {
	Set   *rules.Set
	Files []string // scripts
	// Update rewrites the sections of the scripts that cmp found different.
	Update bool
	// Verbose keeps the whole log of every script, not only what failed.
	Verbose bool
	// Exec lets scripts run programs, and use files outside their own folders.
	Exec bool
	// Timeout is the real time that a script may take; zero: a minute.
	Timeout time.Duration
}

// Files returns the scripts of a configuration directory, sorted: tests/*.txtar.
// match is matched against a file's name without its ending; nil: all.
func Files(dir string, match *regexp.Regexp) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(quoteGlob(dir), "tests", "*"+ending))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	return slices.DeleteFunc(files, func(file string) bool { return match != nil && !match.MatchString(nameOf(file)) }), nil
}

const ending = ".txtar"

func nameOf(file string) string { return strings.TrimSuffix(filepath.Base(file), ending) }

// quoteGlob returns a directory's name as a pattern that matches it alone.
func quoteGlob(dir string) string {
	if runtime.GOOS == "windows" {
		return dir // a backslash separates there
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// Run runs the scripts, several at a time, and returns what became of each, in
// the order of Files.
func Run(ctx context.Context, o Options) ([]Result, error) {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	advisors := map[string]connectors.Connector{}
	for name, block := range o.Set.Connectors {
		if made := advisorOf(block); made != nil {
			advisors[name] = made
		}
	}
	dir, err := filepath.Abs(o.Set.Dir)
	if err != nil {
		return nil, err
	}
	suite := &suite{
		verbose: o.Verbose, free: make(chan struct{}, runtime.GOMAXPROCS(0)), results: make([]Result, len(o.Files)),
	}
	cmds := map[string]func(*testscript.TestScript, bool, []string){
		guardName: func(ts *testscript.TestScript, _ bool, args []string) { ts.Value(playKey{}).(*play).guard(ts, args) },
	}
	for name, cmd := range commands() {
		cmds[name] = cmd.forScript(name)
	}
	temp, err := os.MkdirTemp("", "lockstep-test-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	for i, file := range o.Files {
		suite.results[i] = Result{Name: nameOf(file), File: file}
		// A call a script: of one that cannot even be set up, the others know nothing.
		suite.run(ctx, i, o.Timeout, func(ctx context.Context, t *script) {
			ran, restore := t.guarded(ctx, file, filepath.Join(temp, strconv.Itoa(i)), o.Exec)
			defer restore(o.Update)
			deadline, _ := ctx.Deadline()
			testscript.RunT(t, testscript.Params{
				Files: []string{ran}, Cmds: cmds, UpdateScripts: o.Update, RequireUniqueNames: true, Deadline: deadline,
				Setup: func(env *testscript.Env) error {
					env.Setenv("DIR", dir)
					p, err := newPlay(ctx, o.Set, advisors)
					if err != nil {
						return err
					}
					p.folder, p.tests, p.anywhere = env.WorkDir, filepath.Dir(file), o.Exec
					env.Values[playKey{}] = p
					env.Defer(p.kill)
					env.Defer(func() { t.ended(p) })
					return nil
				},
			})
		})
	}
	suite.scripts.Wait()
	return suite.results, nil
}

// A suite runs scripts at the same time.
type suite struct {
	verbose bool
	free    chan struct{} // as many as may run at once
	scripts sync.WaitGroup
	results []Result // each written by its own script
}

// run runs one script. One that does not end is left to itself: it can write
// nowhere but in its folder.
func (s *suite) run(ctx context.Context, i int, timeout time.Duration, do func(context.Context, *script)) {
	s.scripts.Go(func() {
		s.free <- struct{}{}
		defer func() { <-s.free }()
		ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the test takes longer than %s", timeout))
		defer cancel()
		t, began := &script{verbose: s.verbose}, time.Now()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			t.do(ctx, do)
		}()
		select {
		case <-ended:
		case <-ctx.Done():
			const grace = 5 * time.Second
			select {
			case <-ended:
			case <-time.After(grace):
				t = &script{verbose: s.verbose, failed: true}
				t.Log(context.Cause(ctx).Error())
			}
		}
		s.results[i].Took = time.Since(began)
		s.results[i].finish(t)
	})
}

// A script is what testscript takes for a *testing.T, outside of go test.
type script struct {
	verbose bool
	log     strings.Builder
	failed  bool
	skipped bool
	wanting string // why a script that ran to its end fails all the same
	last    output // what the script's last command printed
	ran     string // the file that testscript was given
	file    string // … in place of this one
}

// guarded makes the file that testscript is given in place of a script. restore
// takes over what testscript has updated.
func (t *script) guarded(ctx context.Context, file, dir string, anywhere bool) (ran string, restore func(update bool)) {
	text, err := source.Read(ctx, file, maxFile)
	if err != nil {
		t.Fatal(fmt.Sprintf("%s: %v", file, err))
	}
	g, err := guardScript(text, anywhere)
	if err != nil {
		t.Fatal(err)
	}
	ran = filepath.Join(dir, filepath.Base(file))
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(ran, g.text, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.ran, t.file = ran, file
	return ran, func(update bool) {
		now, err := os.ReadFile(ran)
		if err != nil || !update || bytes.Equal(now, g.text) {
			return
		}
		if err := os.WriteFile(file, g.restored(now), 0o600); err != nil {
			t.failed = true
			t.Log("cannot update the script: " + err.Error())
		}
	}
}

// ended looks at a script that has ended by itself.
func (t *script) ended(p *play) {
	t.last = p.output()
	if t.failed || t.skipped {
		return
	}
	switch {
	case p.unseen != nil:
		t.wanting = unseenText(p.unseen)
	case p.commands == 0:
		t.wanting = "the script tests nothing: it has none of route, create, edit, ticket, source and the like"
	}
}

// output is what stdout and stderr look at.
type output struct{ stdout, stderr string }

// do runs a function until it returns, ends the script or panics.
func (t *script) do(ctx context.Context, f func(context.Context, *script)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				t.failed = true
				t.Log(source.Panicked(r))
			}
		}()
		f(ctx, t)
	}()
	<-done
}

func (t *script) Run(_ string, f func(testscript.T)) { f(t) }
func (t *script) Parallel()                          {}
func (t *script) Verbose() bool                      { return t.verbose }

func (t *script) Log(args ...any) {
	text := fmt.Sprintln(args...)
	t.log.WriteString(strings.TrimRight(text, "\n") + "\n")
}

// FailNow ends the script, as testing's does: what is deferred runs.
func (t *script) FailNow() {
	t.failed = true
	runtime.Goexit()
}

func (t *script) Fatal(args ...any) {
	t.Log(args...)
	t.FailNow()
}

func (t *script) Skip(args ...any) {
	t.skipped = true
	t.Log(args...)
	runtime.Goexit()
}
