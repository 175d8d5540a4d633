package ruletest

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Status is what became of a test.
type Status string

// The statuses.
const (
	Passed  Status = "pass"
	Failed  Status = "fail"
	Skipped Status = "skip"
)

// A Result is what became of one script.
type Result struct {
	Name   string // the file's, without its ending
	File   string
	Status Status
	Took   time.Duration

	// Of a failure: the line, the command as it is there, and what came
	// and what was wanted. Line is 0 where no line is to blame.
	Line    int
	Command string
	Message string

	// Log is the script as it ran: what did not fail is cut unless the run was
	// verbose.
	Log string
}

// finish fills in what became of a script.
func (r *Result) finish(t *script) {
	r.Log = strings.TrimRight(t.log.String(), "\n")
	if t.ran != "" {
		r.Log = plainLog(r.Log, t.ran, t.file)
	}
	if rest := strings.SplitN(r.Log, "\n\n", 2); strings.HasPrefix(r.Log, "WORK=") && len(rest) == 2 {
		r.Log = rest[1] // without the environment
	}
	switch {
	case t.skipped:
		r.Status, r.Message = Skipped, r.Log
	case t.failed:
		r.Status = Failed
		r.blame(t.last)
	case t.wanting != "":
		r.Status, r.Message = Failed, t.wanting
	default:
		r.Status = Passed
	}
}

var failure = regexp.MustCompile(`(?m)^FAIL: (.*):(\d+): `)

// blame finds the failure in the log.
func (r *Result) blame(last output) {
	r.Message = r.Log
	all := failure.FindAllStringSubmatchIndex(r.Log, -1)
	if len(all) == 0 {
		return
	}
	at := all[len(all)-1]
	before, message := r.Log[:at[0]], strings.TrimRight(r.Log[at[1]:], "\n")
	r.Line, _ = strconv.Atoi(r.Log[at[4]:at[5]])
	r.Command = lineOf(r.File, r.Line)
	// What stands between the command and its failure is what it printed.
	if i := strings.LastIndex("\n"+before, "\n> "); i >= 0 {
		_, printed, _ := strings.Cut(before[i:], "\n")
		if printed = strings.TrimRight(printed, "\n"); printed != "" {
			if rest, isDiff := strings.CutPrefix(printed, "diff "); isDiff {
				_, rest, _ = strings.Cut(rest, "\n")
				printed = "- came, + wanted:\n" + rest
			}
			message += "\n" + printed
		}
	}
	words := strings.Fields(strings.TrimPrefix(r.Command, "!"))
	if len(words) > 0 && words[0] == "stdout" {
		message += came("stdout", last.stdout)
	}
	if len(words) > 0 && words[0] == "stderr" {
		message += came("stderr", last.stderr)
	}
	r.Message = message
}

func came(name, text string) string {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return "\n" + name + " is empty"
	}
	return "\n" + name + " is:\n" + indented(text)
}

func indented(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// lineOf returns a line of a file, "" if it cannot be read.
func lineOf(file string, number int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(text), "\n")
	if number < 1 || number > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[number-1])
}

// Where returns the place of a failure, as an editor jumps to it.
func (r Result) Where() string {
	if r.Line == 0 {
		return r.File
	}
	return fmt.Sprintf("%s:%d", r.File, r.Line)
}

// A lineBuffer gathers an engine's log.
type lineBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lineBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lineBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}
