package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/engine/ruletest"
	"github.com/lockstep-sync/lockstep/rules"
)

func (a *app) testCommand() *cobra.Command {
	var o testOptions
	vars := &varFlags{}
	cmd := &cobra.Command{
		Use:   "test [DIR]",
		Short: "Run the rule tests of a configuration",
		Long: `Runs the rule tests of the configuration in DIR (default: the current
directory): tests/*.txtar. Each plays a story, of records that are created and
edited and of people who work on tickets, through the engine that the daemon
runs, with the systems and the time in memory. It talks to no system and needs
no secret.

A test runs no program and uses no file outside its own folder unless -exec is
given, and ends within a minute.

How to write them: rules/README.md, "Rule tests". Exit status 1 if one fails.`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.test(cmd.Context(), dirOf(args), vars, o)
		},
	}
	cmd.Flags().StringVar(&o.run, "run", "", "only tests whose file's name, without its ending, matches the regular expression `RE`")
	cmd.Flags().BoolVar(&o.verbose, "v", false, "name every test, and print what its commands printed")
	cmd.Flags().BoolVar(&o.update, "update", false, "rewrite what cmp compares with, where it stands in the test")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object a test, one a line")
	cmd.Flags().StringVar(&o.junit, "junit", "", "write a JUnit report to `FILE` as well")
	cmd.Flags().BoolVar(&o.exec, "exec", false, "let tests run programs and use files outside their own folders; only for tests that you trust")
	vars.add(cmd)
	return cmd
}

type testOptions struct {
	run, junit                  string
	verbose, update, json, exec bool
}

func (a *app) test(ctx context.Context, dir string, vars *varFlags, o testOptions) error {
	var match *regexp.Regexp
	if o.run != "" {
		var err error
		if match, err = regexp.Compile(o.run); err != nil {
			return usagef("-run %q is not a regular expression: %s", o.run, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
	set, found, err := a.loadOffline(ctx, dir, vars)
	if err != nil {
		return err
	}
	found.WriteText(a.stderr, a.color(a.stderr))
	if set == nil {
		return errFailed
	}
	files, err := ruletest.Files(dir, match)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		a.noTests(dir, o.run)
		return errFailed
	}
	began := time.Now()
	results, err := a.runTests(ctx, set, files, o)
	if err != nil {
		return err
	}
	if o.junit != "" {
		if err := writeJUnit(o.junit, dir, results); err != nil {
			return err
		}
	}
	failed := 0
	for _, r := range results {
		if r.Status == ruletest.Failed {
			failed++
		}
	}
	if !o.json && len(results) > 0 {
		fmt.Fprintln(a.stdout, summary(results, failed, time.Since(began)))
	}
	if failed > 0 {
		return errFailed
	}
	return nil
}

// noTests says that there is nothing to run, which tests nothing.
func (a *app) noTests(dir, run string) {
	if run != "" {
		fmt.Fprintf(a.stderr, "lockstep: no test in %s matches %q\n", filepath.Join(dir, "tests"), run)
		return
	}
	fmt.Fprintf(a.stderr, "lockstep: no tests: there is no %s\n", filepath.Join(dir, "tests", "*.txtar"))
}

// runTests runs the tests and reports each.
func (a *app) runTests(ctx context.Context, set *rules.Set, files []string, o testOptions) ([]ruletest.Result, error) {
	results, err := ruletest.Run(ctx, ruletest.Options{Set: set, Files: files, Update: o.update, Verbose: o.verbose, Exec: o.exec})
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		if !o.json {
			reportTest(a.stdout, r, o.verbose)
			continue
		}
		if err := writeTestJSON(a.stdout, r, o.verbose); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// reportTest writes what became of a test for people: of one that failed, the
// line of the script, what came and what was wanted.
func reportTest(w io.Writer, r ruletest.Result, verbose bool) {
	took := fmt.Sprintf("(%.3fs)", r.Took.Seconds())
	switch {
	case r.Status == ruletest.Failed:
		fmt.Fprintf(w, "FAIL  %s %s\n", r.Name, took)
	case verbose:
		fmt.Fprintf(w, "%-4s  %s %s\n", r.Status, r.Name, took)
	default:
		return
	}
	if verbose && r.Log != "" {
		fmt.Fprintln(w, indent(r.Log, "      "))
	}
	if r.Status == ruletest.Failed {
		fmt.Fprintf(w, "%s\n%s\n", strings.TrimSuffix(r.Where()+": "+r.Command, ": "), indent(r.Message, "      "))
	}
}

func indent(text, by string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = by + line
		}
	}
	return strings.Join(lines, "\n")
}

// summary returns the last line of a run.
func summary(results []ruletest.Result, failed int, took time.Duration) string {
	verdict := "ok  "
	text := count(len(results), "test")
	if failed > 0 {
		verdict, text = "FAIL", fmt.Sprintf("%d of %s failed", failed, text)
	}
	return fmt.Sprintf("%s  %s (%.3fs)", verdict, text, took.Seconds())
}

// testView is a test for machines.
type testView struct {
	Test    string          `json:"test"`
	File    string          `json:"file"`
	Status  ruletest.Status `json:"status"`
	Seconds float64         `json:"seconds"`
	Line    int             `json:"line,omitempty"`
	Command string          `json:"command,omitempty"`
	Message string          `json:"message,omitempty"`
	Log     string          `json:"log,omitempty"`
}

func writeTestJSON(w io.Writer, r ruletest.Result, verbose bool) error {
	view := testView{r.Name, r.File, r.Status, r.Took.Seconds(), r.Line, r.Command, r.Message, ""}
	if verbose {
		view.Log = r.Log
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(view); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func writeJUnit(file, dir string, results []ruletest.Result) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() {
		if closed := out.Close(); err == nil {
			err = closed
		}
	}()
	suite := "lockstep"
	if path, err := filepath.Abs(dir); err == nil {
		suite = filepath.Base(path)
	}
	return ruletest.WriteJUnit(out, suite, results)
}
