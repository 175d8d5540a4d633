package systemd

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"golang.org/x/sys/unix"
)

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestNotifier(t *testing.T) {
	sockets := map[string]string{
		"path":          filepath.Join(t.TempDir(), "n"),
		"abstract name": "@lockstep-test-" + strconv.Itoa(os.Getpid()),
	}
	for name, socket := range sockets {
		t.Run(name, func(t *testing.T) {
			next := daemontest.Manager(t, socket)
			n := NewNotifier(environment("NOTIFY_SOCKET", socket))
			send := func(err error) string {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				return next()
			}
			if got, want := send(n.Ready("running")), "READY=1\nSTATUS=running"; got != want {
				t.Errorf("ready sent %q, want %q", got, want)
			}
			if got := send(n.Stopping()); !strings.HasPrefix(got, "STOPPING=1\n") {
				t.Errorf("stopping sent %q", got)
			}
			if got, want := send(n.Alive()), "WATCHDOG=1"; got != want {
				t.Errorf("alive sent %q, want %q", got, want)
			}

			clock := func() int64 {
				var now unix.Timespec
				if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
					t.Fatal(err)
				}
				return now.Nano() / 1000
			}
			before := clock()
			got := send(n.Reloading())
			usec, ok := strings.CutPrefix(got, "RELOADING=1\nMONOTONIC_USEC=")
			at, err := strconv.ParseInt(usec, 10, 64)
			if !ok || err != nil || at < before || at > clock() {
				t.Errorf("reloading sent %q, not between %d and now on the monotonic clock", got, before)
			}
		})
	}
}

func TestNotifierWithoutAManager(t *testing.T) {
	n := NewNotifier(environment())
	for what, err := range map[string]error{"ready": n.Ready("x"), "reloading": n.Reloading(), "stopping": n.Stopping(), "alive": n.Alive()} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	n = NewNotifier(environment("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone")))
	if err := n.Ready("x"); err == nil {
		t.Error("a manager that is gone was told without an error")
	}
}

func TestNotifierPulse(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	tests := map[string]struct {
		env  []string
		want time.Duration
	}{
		"asked":           {[]string{"NOTIFY_SOCKET", "/n", "WATCHDOG_USEC", "3000000"}, time.Second},
		"asked for us":    {[]string{"NOTIFY_SOCKET", "/n", "WATCHDOG_USEC", "3000000", "WATCHDOG_PID", pid}, time.Second},
		"another process": {[]string{"NOTIFY_SOCKET", "/n", "WATCHDOG_USEC", "3000000", "WATCHDOG_PID", "1"}, 0},
		"not asked":       {[]string{"NOTIFY_SOCKET", "/n"}, 0},
		"no socket":       {[]string{"WATCHDOG_USEC", "3000000"}, 0},
		"nonsense":        {[]string{"NOTIFY_SOCKET", "/n", "WATCHDOG_USEC", "soon"}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			every, ok := NewNotifier(environment(tt.env...)).Pulse()
			if every != tt.want || ok != (tt.want > 0) {
				t.Errorf("pulse %v, %v; want %v", every, ok, tt.want)
			}
		})
	}
}
