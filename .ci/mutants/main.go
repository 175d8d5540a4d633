// Command mutants changes one place after the other, each as a slip would, and
// runs the tests of the package with the change in place of the file: a change
// that no test notices survives, and shows where a test is missing. The tree is
// not touched (go test -overlay). Usage: mutants [flags] PACKAGE…, the packages
// as directories.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

type options struct {
	sample  int           // how many mutants are tried
	seed    uint64        // of the sample
	budget  time.Duration // no mutant is begun later
	timeout time.Duration // of the tests of one; they then count as failed
	only    *regexp.Regexp
	dirs    []string
}

func main() {
	var o options
	var only string
	flag.IntVar(&o.sample, "n", 60, "how `many` mutants are tried; 0: all")
	flag.Uint64Var(&o.seed, "seed", 1, "which of them: a `number`")
	flag.DurationVar(&o.budget, "for", 2*time.Hour, "begin none after this `time`")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how `long` the tests of one may take")
	flag.StringVar(&only, "only", "", "try those alone whose line of the report matches the `pattern`")
	flag.Parse()
	o.dirs = flag.Args()
	var err error
	if o.only, err = regexp.Compile(only); err == nil && len(o.dirs) == 0 {
		err = errors.New("name the packages' directories")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if err := run(context.Background(), o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run tries a sample and reports what became of each.
func run(ctx context.Context, o options, report io.Writer) error {
	all, err := collect(o)
	if err != nil {
		return err
	}
	begun := time.Now()
	random := rand.New(rand.NewPCG(o.seed, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	sample := o.sample
	if sample == 0 {
		sample = len(all)
	}
	count := map[fate]int{}
	for _, m := range all {
		if count[killed]+count[survived] == sample || time.Since(begun) > o.budget {
			break
		}
		became, by, err := try(ctx, m, o.timeout)
		if err != nil {
			return err
		}
		count[became]++
		switch became {
		case killed:
			fmt.Fprintf(report, "killed    %s (%s)\n", m, by)
		case survived:
			fmt.Fprintf(report, "SURVIVED  %s\n", m)
		}
	}
	fmt.Fprintf(report, "%d of %d places: %d killed, %d survived (seed %d)\n",
		count[killed]+count[survived], len(all), count[killed], count[survived], o.seed)
	return nil
}

// collect lists the mutants of the packages' files.
func collect(o options) (all []mutant, err error) {
	for _, dir := range o.dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			return nil, errors.Join(fmt.Errorf("there is no Go file in %s", dir), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			found, err := mutantsOf(file, source)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return slices.DeleteFunc(all, func(m mutant) bool { return !o.only.MatchString(m.String()) }), nil
}

// A fate is what became of a mutant.
type fate int

const (
	unviable fate = iota // it does not build
	killed
	survived
)

// try runs the tests of a mutant's package, and names the one that failed.
func try(ctx context.Context, m mutant, timeout time.Duration) (fate, string, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return 0, "", err
	}
	path, err := filepath.Abs(m.file)
	if err != nil {
		return 0, "", err
	}
	scratch, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	changed, overlay := filepath.Join(scratch, "mutant.go"), filepath.Join(scratch, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return 0, "", err
	}
	if err := errors.Join(os.WriteFile(changed, m.apply(source), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return 0, "", err
	}
	// Those that run for ever are ended with their children.
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-vet=off", "-failfast", "-short", "-timeout", timeout.String(), ".")
	cmd.Dir = filepath.Dir(path)
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, "", err
	}
	became, by := judge(string(output), err == nil)
	return became, by, nil
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// judge reads what go test says.
func judge(output string, passed bool) (became fate, by string) {
	switch {
	case passed:
		return survived, ""
	case strings.Contains(output, "[build failed]"), strings.Contains(output, "[setup failed]"):
		return unviable, ""
	case strings.Contains(output, "panic: test timed out"):
		return killed, "timed out"
	}
	if failed := failure.FindStringSubmatch(output); failed != nil {
		return killed, failed[1]
	}
	return killed, "the tests end"
}
