package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/page"
	"github.com/lockstep-sync/lockstep/rules"
)

func (a *app) dashboardCommand() *cobra.Command {
	var flags adminFlags
	var listen string
	cmd := &cobra.Command{
		Use:   "dashboard",
		Short: "Open the operator's page in a browser",
		Long: `Serves the running daemon's page on a port of this machine, through the admin
address, until it is stopped. The address that it prints signs in the first browser
that opens it; nobody else on the machine sees anything.

Where the daemon runs on another machine: ssh -L PORT:127.0.0.1:PORT HOST, and
-listen 127.0.0.1:PORT here.`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dashboard(cmd.Context(), &flags, listen) },
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "loopback `HOST:PORT` of the page; port 0: a free one")
	return cmd
}

func (a *app) dashboard(ctx context.Context, flags *adminFlags, listen string) error {
	if !rules.IsLocalAddress(listen) {
		return usagef("-listen %s: expected an address of this machine, such as 127.0.0.1:8081: what is shown goes over no network unencrypted", listen)
	}
	client := a.client(flags)
	if _, _, err := client.Status(ctx); err != nil {
		return explained(err)
	}
	admin, transport, token, err := client.Reach()
	if err != nil {
		return err
	}
	ctx, _, release := stopSignals(ctx)
	defer release()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("-listen %s: %w", listen, err)
	}
	board := &page.Dashboard{Host: listener.Addr().String(), Code: rand.Text(), Admin: admin, Transport: transport, Token: token}
	server := &http.Server{Handler: board.Handler(), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 64 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Fprintf(a.stdout, "Open this address; it signs in one browser, once:\n\n  http://%s/?code=%s\n\nCtrl-C ends it.\n", board.Host, board.Code)
	select {
	case <-ctx.Done():
		_ = server.Close() // it ends, whatever it says
		return nil
	case err := <-ended:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("page: %w", err)
	}
}
