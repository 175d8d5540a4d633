// Package systemd tells a service manager how the daemon does, by the protocol
// of sd_notify(3).
package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A Notifier tells the service manager how the daemon does. Without a manager,
// or as its zero value, it tells nobody.
type Notifier struct {
	socket   string // a path, or "@" and an abstract name
	watchdog time.Duration
}

// NewNotifier reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
func NewNotifier(env func(string) (string, bool)) Notifier {
	var n Notifier
	socket, _ := env("NOTIFY_SOCKET")
	if len(socket) < 2 || socket[0] != '/' && socket[0] != '@' {
		return n
	}
	n.socket = socket
	usec, _ := env("WATCHDOG_USEC")
	micros, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || micros <= 0 {
		return n
	}
	if pid, ok := env("WATCHDOG_PID"); ok && pid != strconv.Itoa(os.Getpid()) {
		return n
	}
	n.watchdog = time.Duration(micros) * time.Microsecond
	return n
}

// send sends one message of "NAME=VALUE" lines.
func (n Notifier) send(message string) error {
	if n.socket == "" {
		return nil
	}
	// net takes a leading "@" for an abstract name, as systemd writes it.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	if _, err := conn.Write([]byte(message)); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return nil
}

// Ready says that the daemon runs, or that a reload is over.
func (n Notifier) Ready(status string) error {
	return n.send("READY=1\nSTATUS=" + status)
}

// Reloading says that a reload begins; Ready ends it. The time is of
// CLOCK_MONOTONIC, from which the manager tells that the message came after
// its request.
func (n Notifier) Reloading() error {
	if n.socket == "" {
		return nil
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return n.send("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10))
}

// Stopping says that the daemon drains.
func (n Notifier) Stopping() error { return n.send("STOPPING=1\nSTATUS=finishing what is in work") }

// Alive answers the watchdog.
func (n Notifier) Alive() error { return n.send("WATCHDOG=1") }

// Pulse returns how often Alive is to be sent; false where nobody asked for it.
func (n Notifier) Pulse() (time.Duration, bool) {
	return n.watchdog / 3, n.watchdog > 0
}
