package socket

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"
)

// deepDir returns a directory whose path is longer than a socket address.
func deepDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120), strings.Repeat("e", 120))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestUnixSocket(t *testing.T) {
	long := deepDir(t)
	for name, path := range map[string]string{
		"short path": filepath.Join(t.TempDir(), "admin.sock"),
		"long path":  filepath.Join(long, "admin.sock"),
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := Listen(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if mode := info.Mode(); mode.Perm() != 0o600 || mode.Type() != os.ModeSocket {
				t.Errorf("mode %v, want a socket of the owner alone", mode)
			}
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, "hello")
				conn.Close()
			}()
			conn, err := Dial(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got, err := io.ReadAll(conn); err != nil || string(got) != "hello" {
				t.Errorf("read %q, %v", got, err)
			}
			if _, err := Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "another process answers") {
				t.Errorf("a second listener: %v", err)
			}
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("the socket was left behind: %v", err)
			}
		})
	}
}

func TestStaleSocketIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false) // as after kill -9
	left.Close()
	listener, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
}

func TestSocketThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	daemontest.WriteFile(t, filepath.Join(dir, "file"), "mine")
	tests := map[string]struct{ path, want string }{
		"a file":        {filepath.Join(dir, "file"), "is not a socket"},
		"no directory":  {filepath.Join(dir, "gone", "admin.sock"), "no such file"},
		"no path":       {"", "no path"},
		"a long name":   {filepath.Join(deepDir(t), strings.Repeat("n", 100)), "longer than the 107 bytes"},
		"no directory,": {filepath.Join(dir, strings.Repeat("g", 120), "admin.sock"), "no such file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			listener, err := Listen(t.Context(), tt.path)
			if err == nil {
				listener.Close()
				t.Fatal("it listens")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
	if text, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(text) != "mine" {
		t.Errorf("the file is not what it was: %q, %v", text, err)
	}
}
