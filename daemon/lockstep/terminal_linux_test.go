package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// A screen is what a program wrote to a pseudo-terminal.
type screen struct {
	status int
	text   string // without the carriage returns that the terminal adds
	took   time.Duration
}

// onTerminal runs a command line on a pseudo-terminal of so many columns; 0: one
// that does not say how wide it is.
func onTerminal(t *testing.T, columns int, env map[string]string, args ...string) (screen, error) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return screen{}, err
	}
	defer ours.Close()
	fd := int(ours.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return screen{}, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return screen{}, err
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: uint16(columns)}); err != nil {
		return screen{}, err
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return screen{}, err
	}
	var seen bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&seen, ours) // it ends with EIO when the other side is closed
	}()
	began := time.Now()
	status := run(t.Context(), args, strings.NewReader(""), theirs, theirs, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	took := time.Since(began)
	err = theirs.Close()
	<-read
	return screen{status, strings.ReplaceAll(seen.String(), "\r\n", "\n"), took}, err
}

// style is a sequence that gives what follows a style.
var style = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// TestDemoOnATerminal plays the scenario at the pace of a terminal, on which people
// read each scene before the next: nothing in it may depend on the next scene's
// coming at once.
func TestDemoOnATerminal(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var all sync.WaitGroup
	times := make(chan time.Duration, 10)
	for _, tt := range []struct {
		columns, broken int // the width, and where lines end at the latest
		env             map[string]string
		styled          bool
	}{
		{80, 80, map[string]string{"TERM": "xterm"}, true},
		{120, 120, map[string]string{"NO_COLOR": "1"}, false},
		{0, 80, map[string]string{"TERM": "dumb"}, false},
	} {
		all.Go(func() {
			shown, err := onTerminal(t, tt.columns, tt.env, "demo")
			if err != nil || shown.status != 0 || !strings.Contains(shown.text, "a restart lost nothing") {
				t.Errorf("%d columns: exit %d, %v:\n%s", tt.columns, shown.status, err, shown.text)
				return
			}
			if tt.styled != strings.Contains(shown.text, "\x1b[1m1. A Security incident") {
				t.Errorf("%d columns: styled is to be %v:\n%.1000s", tt.columns, tt.styled, shown.text)
			}
			if tt.styled != strings.Contains(shown.text, "\x1b[1;31merror:\x1b[0m incident has no field") {
				t.Errorf("%d columns: the mistake is not shown as check shows it", tt.columns)
			}
			text, longest := style.ReplaceAllString(shown.text, ""), 0
			for line := range strings.Lines(text) {
				line = strings.TrimRight(line, "\n")
				longest = max(longest, utf8.RuneCountInString(line))
				if utf8.RuneCountInString(line) > tt.broken || strings.Contains(line, `\u001b`) || strings.TrimRight(line, " ") != line {
					t.Errorf("%d columns: %q", tt.columns, line)
				}
			}
			if longest < tt.broken-10 {
				t.Errorf("%d columns: no line has more than %d", tt.columns, longest)
			}
			times <- shown.took
		})
	}
	began := time.Now()
	status, _, stderr := lockstep(t, "", "demo")
	alone := time.Since(began)
	if all.Wait(); status != 0 {
		t.Fatalf("without a terminal: exit %d: %s", status, stderr)
	}
	close(times)
	// Nobody waits longer than half a minute. How fast this machine is does not
	// matter: without pauses it is some ten seconds at most where people watch.
	for took := range times {
		if took > alone+20*time.Second {
			t.Errorf("on a terminal it took %v, without one %v", took, alone)
		}
	}
}
