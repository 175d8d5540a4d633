package daemon

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/lockstep-sync/lockstep/daemon/socket"
)

// maxConnections bounds what the senders at one address hold of the daemon's
// memory and of its files: each may be sending a body. More of them wait.
const maxConnections = 512

// guard returns a listener whose connections are counted, and encrypted where the
// tls block says so. A socket's never leave the machine.
func (p *process) guard(listener net.Listener) net.Listener {
	_, socket := listener.(*socket.Listener)
	listener = netutil.LimitListener(listener, maxConnections)
	if p.certificates != nil && !socket {
		listener = tls.NewListener(listener, p.certificates.config())
	}
	return listener
}

// newServer returns an HTTP server with the bounds that any listener of the daemon
// has.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
