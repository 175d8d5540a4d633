package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/lockstep-sync/lockstep/rules"
)

// AdminSocket is the default admin address of a daemon whose files are in
// dataDir.
func AdminSocket(dataDir string) string {
	return "unix://" + filepath.Join(dataDir, "admin.sock")
}

// listenAdmin listens where the configuration or the command line says: on a
// socket of the daemon's own user, or on a port, where a token is asked for.
func (p *process) listenAdmin(ctx context.Context, set *rules.Set, dataDir string, running *steps) (net.Listener, string, error) {
	address := firstOf(p.o.Admin, set.Daemon.Admin, AdminSocket(dataDir))
	var listener net.Listener
	var err error
	if path, ok := unixPath(address); ok {
		listener, err = listenUnix(ctx, path)
	} else if set.Daemon.AdminToken == "" {
		err = errors.New("a port needs admin_token in the daemon block; unix://PATH needs none")
	} else {
		listener, err = new(net.ListenConfig).Listen(ctx, "tcp", address)
		err = bareNetError(err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("admin %s: %w", address, err)
	}
	if _, ok := unixPath(address); !ok {
		address = listener.Addr().String()
	}
	running.started("listener of the admin address", func(context.Context) error { return ignoreClosed(listener.Close()) })
	return listener, address, nil
}

func (p *process) admin(set *rules.Set, address string) *admin {
	a := &admin{
		log:    p.log,
		status: p.status,
		reload: func(ctx context.Context) error { return p.reload.reload(ctx, "request") },
		engine: func() adminEngine {
			if e := p.engine.Load(); e != nil {
				return e
			}
			return nil
		},
		metrics: p.metrics.handler(),
	}
	if _, ok := unixPath(address); !ok {
		a.token = set.Daemon.AdminToken
	}
	return a
}
