package daemon

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A notifier tells the service manager how the daemon does, by the protocol of
// sd_notify(3). Without a manager it tells nobody.
type notifier struct {
	socket   string // a path, or "@" and an abstract name
	watchdog time.Duration
}

// newNotifier reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
func newNotifier(env func(string) (string, bool)) notifier {
	var n notifier
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
func (n notifier) send(message string) error {
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

func (n notifier) ready(status string) error {
	return n.send("READY=1\nSTATUS=" + status)
}

// reloading says that a reload begins; ready ends it. The time is of
// CLOCK_MONOTONIC, from which the manager tells that the message came after
// its request.
func (n notifier) reloading() error {
	if n.socket == "" {
		return nil
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return n.send("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10))
}

func (n notifier) stopping() error { return n.send("STOPPING=1\nSTATUS=finishing what is in work") }

func (n notifier) alive() error { return n.send("WATCHDOG=1") }

// pulse is how often alive is to be sent; false where nobody asked for it.
func (n notifier) pulse() (time.Duration, bool) {
	return n.watchdog / 3, n.watchdog > 0
}
