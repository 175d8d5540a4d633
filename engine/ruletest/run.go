package ruletest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// Options say which tests run and how.
type Options struct {
	Set   *rules.Set
	Files []string // scripts
	// Update rewrites the sections of the scripts that cmp found different.
	Update bool
	// Verbose keeps the whole log of every script, not only what failed.
	Verbose bool
}

// Files are the scripts of a configuration directory, sorted: tests/*.txtar.
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

// quoteGlob is a directory's name as a pattern that matches it alone.
func quoteGlob(dir string) string {
	if runtime.GOOS == "windows" {
		return dir // a backslash separates there
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// Run runs the scripts, several at a time, and returns what became of each, in
// the order of Files.
func Run(o Options) ([]Result, error) {
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
	cmds := map[string]func(*testscript.TestScript, bool, []string){}
	for name, cmd := range commands() {
		cmds[name] = cmd.forScript(name)
	}
	for i, file := range o.Files {
		suite.results[i] = Result{Name: nameOf(file), File: file}
		// A call a script: of one that cannot even be set up, the others know nothing.
		suite.run(i, func(t *script) {
			testscript.RunT(t, testscript.Params{
				Files: []string{file}, Cmds: cmds, UpdateScripts: o.Update, RequireUniqueNames: true,
				Setup: func(env *testscript.Env) error {
					env.Setenv("DIR", dir)
					p, err := newPlay(o.Set, advisors)
					if err != nil {
						return err
					}
					env.Values[playKey{}] = p
					env.Defer(p.kill)
					env.Defer(func() { t.last = p.output() })
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

func (s *suite) run(i int, do func(*script)) {
	s.scripts.Go(func() {
		s.free <- struct{}{}
		defer func() { <-s.free }()
		t, began := &script{verbose: s.verbose}, time.Now()
		t.do(do)
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
	last    output // what the script's last command printed
}

// output is what stdout and stderr look at.
type output struct{ stdout, stderr string }

// do runs a function until it returns, ends the script or panics.
func (t *script) do(f func(*script)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				t.failed = true
				t.Log(fmt.Sprintf("panic: %v", r))
			}
		}()
		f(t)
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
