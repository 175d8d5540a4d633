package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/page"
	"github.com/lockstep-sync/lockstep/daemon/socket"
	"github.com/lockstep-sync/lockstep/rules"
)

// AdminSocket returns the default admin address of a daemon whose files are in
// dataDir.
func AdminSocket(dataDir string) string {
	return "unix://" + filepath.Join(dataDir, "admin.sock")
}

// listenAdmin listens where the configuration or the command line says: on a
// socket of the daemon's own user, or on a port, where a token is asked for,
// which no network sees unencrypted.
func (p *process) listenAdmin(ctx context.Context, set *rules.Set, dataDir string, running *steps) (net.Listener, string, error) {
	address := firstOf(p.o.Admin, set.Daemon.Admin, AdminSocket(dataDir))
	listener, reached, err := p.openAdmin(ctx, address, set.Daemon)
	if err != nil {
		return nil, "", fmt.Errorf("admin %s: %w", address, err)
	}
	running.started("listener of the admin address", func(context.Context) error { return ignoreClosed(listener.Close()) })
	return listener, reached, nil
}

// openAdmin returns a listener and the address at which clients reach it.
func (p *process) openAdmin(ctx context.Context, address string, block rules.Daemon) (net.Listener, string, error) {
	if path, ok := socket.Path(address); ok {
		listener, err := socket.Listen(ctx, path)
		return listener, address, err
	}
	if block.AdminToken == "" {
		return nil, "", errors.New("a port needs admin_token in the daemon block; unix://PATH needs none")
	}
	var config net.ListenConfig
	if block.TLS == nil {
		if _, _, err := net.SplitHostPort(address); err == nil && !rules.IsLocalAddress(address) {
			return nil, "", errRemoteAdmin
		}
		config.Control = localOnly
	}
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, "", socket.BareError(err)
	}
	reached := listener.Addr().String()
	if block.TLS != nil {
		reached = "https://" + reached
	}
	return listener, reached, nil
}

// socketEvery is how often the admin socket is looked for.
const socketEvery = 2 * time.Second

// keepSocket listens again when the socket's file was removed, as it is with the
// data directory: whoever wants to know why nothing goes on needs it.
func (p *process) keepSocket(ctx context.Context, path string, handler http.Handler) {
	var again []*http.Server
	defer func() {
		for _, server := range again {
			_ = server.Close() // it ends, whatever it says
		}
	}()
	ticker := time.NewTicker(socketEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		listener, err := socket.Listen(ctx, path)
		if err != nil {
			p.log.Debug("the admin socket is gone", "error", err)
			continue
		}
		p.log.Warn("the admin socket had been removed, and was made again", "path", path)
		server := newServer(handler, p.log)
		again = append(again, server)
		go func() { _ = server.Serve(listener) }() // until it is closed
	}
}

// localOnly keeps a socket from being bound to an address that others reach.
// What a name stands for is the resolver's to say; here it has.
func localOnly(_, resolved string, _ syscall.RawConn) error {
	if !rules.IsLocalAddress(resolved) {
		return errRemoteAdmin
	}
	return nil
}

// errRemoteAdmin refuses to show the token, and all that it opens, to whoever
// listens on the way.
var errRemoteAdmin = errors.New("an address that is neither a socket nor loopback needs tls { cert, key } in the daemon block")

// admin returns what answers on the admin address until ctx ends.
func (p *process) admin(ctx context.Context, set *rules.Set, address string) (http.Handler, error) {
	a := &admin.API{
		Log:    p.log,
		Status: p.status,
		Reload: func(ctx context.Context, empty bool) error {
			if empty {
				return p.reload.reload(ctx, causeEmpty)
			}
			return p.reload.reload(ctx, "request")
		},
		Engine: func() admin.Engine {
			if e := p.engine.Load(); e != nil {
				return e
			}
			return nil
		},
		Metrics: p.metrics.handler(),
		Passes:  passes,
		Ending:  ctx.Done(),
	}
	if _, ok := socket.Path(address); !ok {
		a.Token = set.Daemon.AdminToken
	}
	people := &page.Page{Log: p.log, Token: a.Token, Status: a.Status, Done: ctx.Done(), Engine: func() page.Engine {
		if e := p.engine.Load(); e != nil {
			return e
		}
		return nil
	}}
	var err error
	if a.Page, err = people.Handler(); err != nil {
		return nil, err
	}
	return a.Handler(), nil
}
