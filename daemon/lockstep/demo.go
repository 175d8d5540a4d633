package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

func (a *app) demoCommand() *cobra.Command {
	var keep bool
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch incidents become tickets, on simulated systems",
		Long: `Runs simulators of incident.io and ServiceNow on loopback and the daemon on an
example in a temporary directory, and plays a story through both: each step with
the template and the condition that decided it.

With -keep everything stays up at the end, until you stop it.`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep, listen) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "stay up at the end, until stopped")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "`HOST:PORT` of the simulators")
	return cmd
}

func (a *app) demo(ctx context.Context, keep bool, listen string) (err error) {
	ctx, abort, release := stopSignals(ctx)
	defer release()
	began := time.Now()

	world, err := startSimulators(ctx, listen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.close()) }()
	stage, err := newStage(world, abort)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(stage.dir, "daemon.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return errors.Join(err, os.RemoveAll(stage.dir))
	}
	defer func() {
		err = errors.Join(err, stage.end(), log.Close())
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w\nThe daemon's log and data are in %s", err, stage.dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(stage.dir))
	}()
	logger := slog.New(slog.NewTextHandler(log, nil))
	if err := stage.start(ctx, logger); err != nil {
		return err
	}
	world.incidents.Subscribe(incidentiotest.Webhook{URL: "http://" + stage.address.Public + "/webhooks/acme", Secret: simulatedWebhook})
	pushCtx, endPush := context.WithCancel(ctx)
	defer endPush()
	go world.incidents.Push(pushCtx)

	s := &story{stage: stage, out: a.stdout, color: a.color(a.stdout), log: logger}
	if err := s.play(ctx); err != nil {
		if ctx.Err() != nil {
			return errors.New("stopped before the story ended")
		}
		return err
	}
	s.epilogue(time.Since(began), keep)
	if keep {
		<-ctx.Done()
	}
	return nil
}
