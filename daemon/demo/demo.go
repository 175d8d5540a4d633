// Package demo shows what lockstep does: it plays a scenario through simulated
// systems and a daemon in this process, and prints each step with what decided
// it. It uses the daemon as anybody does: files, webhooks, the admin API.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon/simulators"
)

// Options of a demonstration.
type Options struct {
	Out     io.Writer
	Color   bool
	Watched bool   // on a terminal: with pauses to read
	Width   int    // of the terminal, in columns; 0: lines are not broken
	Command string // how the user calls this program
	Listen  string // HOST:PORT of the simulators
	Keep    bool   // everything stays up at the end, until ctx ends
	Systems []connectors.System
	Version string
	// Abort ends the daemon without draining when it is closed.
	Abort <-chan struct{}
}

// Run plays the scenario. Its error names the directory of the daemon's log and
// data, which are kept then.
func Run(ctx context.Context, o Options) (err error) {
	began := time.Now()
	systems, err := simulators.Start(ctx, simulators.Options{Address: o.Listen})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, systems.Close()) }()
	env, err := newEnvironment(o, systems)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(env.dir, "daemon.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return errors.Join(err, os.RemoveAll(env.dir))
	}
	defer func() {
		err = errors.Join(err, env.end(), log.Close())
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w\nThe daemon's log and data are in %s", err, env.dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(env.dir))
	}()
	logger := slog.New(slog.NewTextHandler(log, nil))
	if err := env.start(ctx, logger); err != nil {
		return err
	}
	pushCtx, endPush := context.WithCancel(ctx)
	defer endPush()
	systems.PushIncidents(pushCtx, "http://"+env.address.Public+"/webhooks/acme")

	s := &scenario{environment: env, printer: printer{o.Out, o.Color, o.Width}, log: logger}
	if err := s.run(ctx); err != nil {
		if ctx.Err() != nil {
			return errors.New("stopped before the scenario ended")
		}
		return err
	}
	s.epilogue(time.Since(began))
	if o.Keep {
		<-ctx.Done()
	}
	return nil
}
