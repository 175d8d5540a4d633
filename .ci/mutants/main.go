// Command mutants changes one place after the other, each as a slip would, and
// runs the tests of the package with the change in place of the file, the short
// ones first: a change that no test notices survives, and shows where a test is
// missing. The tree is not touched (go test -overlay). Usage: mutants [flags] PACKAGE…, the packages
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
	sample int           // how many mutants are tried
	seed   uint64        // of the sample
	budget time.Duration // no mutant is begun later
	only   *regexp.Regexp
	dirs   []string
}

func main() {
	var o options
	var only string
	flag.IntVar(&o.sample, "n", 60, "how `many` mutants are tried; 0: all")
	flag.Uint64Var(&o.seed, "seed", 1, "which of them: a `number`")
	flag.DurationVar(&o.budget, "for", 2*time.Hour, "begin none after this `time`")
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
	bounds := map[string]time.Duration{}
	for _, m := range all {
		if count[killed]+count[survived] == sample || time.Since(begun) > o.budget {
			break
		}
		dir := filepath.Dir(m.file)
		if bounds[dir] == 0 {
			if bounds[dir], err = bound(ctx, dir); err != nil {
				return err
			}
		}
		became, by, err := try(ctx, m, bounds[dir])
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

// slowdown is how much longer the tests of a mutant may take than those of the
// code as it is, which other work on the machine may hold up.
const slowdown = 5

// bound runs the short tests of a package as it is; they have to pass.
func bound(ctx context.Context, dir string) (time.Duration, error) {
	begun := time.Now()
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-count=1", "-short", ".")
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("the tests of %s fail as they are: %w\n%s", dir, err, output)
	}
	return slowdown * (time.Since(begun) + 10*time.Second), nil
}

// try runs the tests of a mutant's package, and names the one that failed: the
// short ones first, and all where these pass.
func try(ctx context.Context, m mutant, within time.Duration) (fate, string, error) {
	path, overlay, remove, err := lay(m)
	if err != nil {
		return 0, "", err
	}
	defer remove()
	for _, more := range [][]string{{"-short", "-timeout", within.String()}, {"-timeout", "1h"}} {
		cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-overlay", overlay, "-vet=off", "-failfast"}, more...)...)
		cmd.Dir = filepath.Dir(path)
		output, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return 0, "", err
		}
		if became, by := judge(string(output), err == nil); became != survived {
			return became, by, nil
		}
	}
	return survived, "", nil
}

// lay writes an overlay in which the mutant is in place of its file.
func lay(m mutant) (path, overlay string, remove func(), err error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return "", "", nil, err
	}
	if path, err = filepath.Abs(m.file); err != nil {
		return "", "", nil, err
	}
	scratch, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", "", nil, err
	}
	changed, overlay := filepath.Join(scratch, "mutant.go"), filepath.Join(scratch, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	err = errors.Join(err, os.WriteFile(changed, m.apply(source), 0o600), os.WriteFile(overlay, replace, 0o600))
	return path, overlay, func() { _ = os.RemoveAll(scratch) }, err
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
