// Package socket listens and dials on Unix sockets, however long their paths are.
package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxSocketPath is the longest path that every system takes for a socket:
// Linux 107 bytes, others a few less, which they say themselves.
const maxSocketPath = 107

// Path splits the path off "unix://PATH"; false for other addresses.
func Path(address string) (string, bool) {
	return strings.CutPrefix(address, "unix://")
}

// shortPath returns a name of path that fits into a socket address. A path that is
// too long is reached through its directory, held open until release is
// called.
func shortPath(path string) (short string, release func(), err error) {
	if path == "" {
		return "", nil, errors.New("the socket has no path")
	}
	if path[0] == '@' {
		path = "./" + path // net would take it for an abstract name
	}
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	short = filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), filepath.Base(path))
	if _, err := os.Stat(filepath.Dir(short)); err != nil || len(short) > maxSocketPath {
		dir.Close()
		return "", nil, fmt.Errorf("the path of the socket is longer than the %d bytes that this system takes: %s", maxSocketPath, path)
	}
	return short, func() { dir.Close() }, nil
}

// Dial connects to the socket at path, however long that is.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	short, release, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer release()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", short)
	if err != nil {
		return nil, BareError(err)
	}
	return conn, nil
}

// Listen listens on a socket at path that only the daemon's own user may
// use. A socket that nobody answers is what a killed daemon left behind, and
// is removed.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	short, release, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer release()
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		// On Linux a socket's file takes the mode that the socket has when it is
		// bound, so that nobody else can connect even for a moment. Elsewhere
		// this fails and the Chmod below has to do.
		return raw.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
	}}
	listener, err := config.Listen(ctx, "unix", short)
	if err != nil {
		return nil, BareError(err)
	}
	// The short name may end with release; the file is removed by its own.
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, err
	}
	return &Listener{Listener: listener, path: path}, nil
}

func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is there and is not a socket", path)
	}
	conn, err := Dial(ctx, path)
	if err == nil {
		conn.Close()
		return fmt.Errorf("another process answers at %s", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// Listener removes its socket when it is closed.
type Listener struct {
	net.Listener
	path string
}

// Close closes the listener and removes its socket.
func (l *Listener) Close() error {
	return errors.Join(l.Listener.Close(), ignoreGone(os.Remove(l.path)))
}

func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// BareError takes the operation and the address off an error of net: who
// reports it names them as the user wrote them.
func BareError(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
