package ruletest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// A script may come from anybody who sends a pull request, and testscript's own
// commands, which nobody can replace, read and write wherever they are told to. So
// a line is put before each of the script's, with the same words: a command of ours
// that sees them as the next line will, variables filled in, and refuses what leads
// out of the script's folder.

// guardName is the command that is put before each line.
const guardName = "lockstep-guard"

// A guarded script is what testscript is given in place of one.
type guarded struct {
	original *txtar.Archive
	text     []byte
}

// guardScript puts a guard before each line of a script. Lines keep their order:
// line n of the script is line 2n of what is run.
func guardScript(text []byte, anywhere bool) (guarded, error) {
	archive, err := parseArchive(text)
	if err != nil {
		return guarded{}, err
	}
	if !anywhere {
		for _, f := range archive.Files {
			if !localName(f.Name) {
				return guarded{}, fmt.Errorf("the file %q lies outside the script's folder; with -exec it may", f.Name)
			}
		}
	}
	var b strings.Builder
	for line := range strings.Lines(string(archive.Comment)) {
		b.WriteString(guardOf(line) + "\n" + line)
	}
	out := *archive
	out.Comment = []byte(b.String())
	return guarded{archive, txtar.Format(&out)}, nil
}

// parseArchive reads a script with its files. txtar panics about a line "-- --".
func parseArchive(text []byte) (archive *txtar.Archive, err error) {
	defer func() {
		if r := recover(); r != nil {
			archive, err = nil, errors.New("the script is malformed: a line that begins with -- names no file")
		}
	}()
	return txtar.Parse(text), nil
}

// localName reports whether a file of a script stays in its folder. testscript
// fills variables in, here too.
func localName(name string) bool {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "$WORK/"), "${WORK}/")
	return !strings.Contains(name, "$") && filepath.IsLocal(filepath.FromSlash(name))
}

// guardOf returns the line to put before another: the guard, and the same words,
// conditions and "!" among them.
func guardOf(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if trimmed := strings.TrimLeft(line, " \t\r"); trimmed == "" || strings.HasPrefix(trimmed, "#") {
		return ""
	}
	return guardName + " " + line
}

// originalLine is the number of a line of the script as it was written.
func originalLine(n int) int { return (n + 1) / 2 }

// restored returns a script whose files testscript has updated, without the guards.
func (g guarded) restored(updated []byte) []byte {
	out := *g.original
	out.Files = txtar.Parse(updated).Files
	return txtar.Format(&out)
}

// plainLog returns the log of a script, in terms of the script as it was written: what
// ran is the file that testscript was given.
func plainLog(log, ran, file string) string {
	var b strings.Builder
	held := "" // the echo of a guard: the line's own follows, unless it was refused
	for line := range strings.Lines(log) {
		if rest, ok := strings.CutPrefix(line, "> "+guardName+" "); ok {
			held = "> " + rest
			continue
		}
		if held != "" && line != held {
			b.WriteString(held)
		}
		held = ""
		b.WriteString(line)
	}
	plain := failure.ReplaceAllStringFunc(b.String()+held, func(found string) string {
		m := failure.FindStringSubmatch(found)
		n, err := strconv.Atoi(m[2])
		if m[1] != ran || err != nil {
			return found
		}
		return fmt.Sprintf("FAIL: %s:%d: ", file, originalLine(n))
	})
	return strings.ReplaceAll(plain, ran, file)
}

// guard runs before a line: it refuses what the line may not do, whether
// its conditions hold or not.
func (p *play) guard(ts *testscript.TestScript, args []string) {
	for len(args) > 0 && (args[0] == "!" || strings.HasPrefix(args[0], "[")) {
		args = args[1:]
	}
	if len(args) == 0 {
		return // testscript says what is wrong with it
	}
	if err := context.Cause(p.ctx); err != nil {
		ts.Fatalf("%v", err)
	}
	if slices.Contains(args, "stderr") {
		p.unseen = nil
	}
	if p.anywhere {
		return
	}
	command, args := args[0], args[1:]
	if command == "exec" {
		ts.Fatalf("exec: a rule test runs no programs; with -exec it may")
	}
	paths, ok := pathArgs[command]
	if !ok {
		return
	}
	for _, path := range paths(args) {
		if err := p.within(ts, path, reading[command]); err != nil {
			ts.Fatalf("%s: %v", command, err)
		}
	}
}

// within refuses a path that leads out of the script's folder, links followed.
// What only reads may do so where the script itself lies, too: tests share files
// there.
func (p *play) within(ts *testscript.TestScript, path string, reads bool) error {
	if p.anywhere {
		return nil
	}
	within, err := source.Within(p.folder, ts.MkAbs(path))
	if err == nil && !within && reads {
		within, err = source.Within(p.tests, ts.MkAbs(path))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if !within {
		return fmt.Errorf("%s lies outside the script's folder; with -exec it may", path)
	}
	return nil
}

// pathArgs are testscript's commands that read or write files, with the paths
// among their arguments.
var pathArgs = map[string]func(args []string) []string{
	"cd": all, "chmod": after(1), "cmp": but("stdout", "stderr", "ttyout"), "cmpenv": but("stdout", "stderr", "ttyout"),
	"cp": copied, "exists": flags, "grep": last, "mkdir": all, "mv": moved, "rm": all,
	"stdin": but("stdout", "stderr", "ttyout"), "symlink": linked, "ttyin": flags, "unix2dos": all, "unquote": all,
}

// reading are those that only read.
var reading = map[string]bool{"cmp": true, "cmpenv": true, "exists": true, "grep": true, "stdin": true}

func all(args []string) []string { return args }

func after(n int) func([]string) []string {
	return func(args []string) []string { return args[min(n, len(args)):] }
}

// but leaves out the words that stand for what a command printed.
func but(words ...string) func([]string) []string {
	return func(args []string) []string {
		var paths []string
		for _, arg := range args {
			if !slices.Contains(words, arg) {
				paths = append(paths, arg)
			}
		}
		return paths
	}
}

func flags(args []string) []string {
	var paths []string
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			paths = append(paths, arg)
		}
	}
	return paths
}

func last(args []string) []string { return args[max(0, len(args)-1):] }

// copied returns sources and target, and where the target is a directory the files
// that come to lie in it: one of that name may be a link.
func copied(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	to := args[len(args)-1]
	paths := append(but("stdout", "stderr", "ttyout")(args[:len(args)-1]), to)
	for _, from := range args[:len(args)-1] {
		paths = append(paths, filepath.Join(to, filepath.Base(from)))
	}
	return paths
}

// moved are both names. What moves is the link itself, where it is one.
func moved(args []string) []string { return args }

// linked returns the place of a link and what it points at, which is relative to it.
func linked(args []string) []string {
	if len(args) != 3 {
		return args
	}
	to := args[2]
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(args[0]), to)
	}
	return []string{args[0], to}
}
