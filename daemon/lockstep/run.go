package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon"
)

func (a *app) runCommand() *cobra.Command {
	var o daemon.Options
	sandbox := false
	vars, logs := &varFlags{}, &logFlags{}
	cmd := &cobra.Command{
		Use:   "run [DIR]",
		Short: "Run the daemon",
		Long: `Runs the daemon on the configuration in DIR (default: the current directory).

It reloads when a file changes, on SIGHUP and on 'lockstep reload'; a bad
configuration then changes nothing that runs. SIGTERM finishes what is in work
and stops, a second one stops at once. Flags win over the daemon block.

With -sandbox it runs on simulators of its own in place of the systems, whatever
the connectors' blocks say, with its data in a temporary directory unless -data
names one, and prints log-ins and commands to try. Secrets need not be set.`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := vars.values()
			if err != nil {
				return err
			}
			o.Logger, err = logs.logger(a.stderr)
			if err != nil {
				return err
			}
			ctx, abort, release := stopSignals(cmd.Context())
			defer release()
			defer exitAfter(ctx, stopLimit, func() {
				fmt.Fprintf(a.stderr, "error: the daemon was asked to stop %v ago and has not; the process ends now, and what was in work is settled at the next start\n", stopLimit)
				os.Exit(exitFailed)
			})()
			reload, releaseReload := reloadSignal()
			defer releaseReload()
			o.Dir, o.Vars, o.Env = dirOf(args), values, a.env
			o.Systems, o.Version = systems(), thisBuild().Version
			o.Reload, o.Abort, o.OnStep = reload, abort, a.onStep
			if sandbox {
				return a.runSandbox(ctx, o)
			}
			return daemon.Run(ctx, o)
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "", "`HOST:PORT` for webhooks and health (default "+daemon.DefaultListen+")")
	cmd.Flags().StringVar(&o.Admin, "admin", "", "admin `ADDRESS`: unix://PATH, or HOST:PORT, which needs a token and, unless it is loopback, TLS (default unix://DATA_DIR/admin.sock)")
	cmd.Flags().StringVar(&o.DataDir, "data", "", "data `DIRECTORY` (default "+daemon.DefaultDataDir+")")
	cmd.Flags().StringVar(&o.NATSURL, "nats", "", "`URL` of a NATS cluster in place of the embedded server")
	cmd.Flags().BoolVar(&sandbox, "sandbox", false, "run on simulators of its own in place of the systems")
	vars.add(cmd)
	logs.add(cmd)
	return cmd
}

// runSandbox runs the daemon on simulators.
func (a *app) runSandbox(ctx context.Context, o daemon.Options) (err error) {
	if o.NATSURL != "" {
		return usagef("-sandbox takes no -nats: what others keep there is of real systems. Its data is in a directory, see -data")
	}
	systems := newStandIns(ctx, a.stdout)
	defer func() { err = errors.Join(err, systems.close()) }()
	if o.DataDir == "" {
		if o.DataDir, err = os.MkdirTemp("", "lockstep-sandbox-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.DataDir)) }()
	} else if err := takeForSandbox(o.DataDir); err != nil {
		return err
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0" // nobody outside sends webhooks
	}
	o.Offline, o.Prepare = true, systems.prepare
	o.OnReady = func(at daemon.Addresses) { systems.ready(o.Dir, at) }
	return daemon.Run(ctx, o)
}

// sandboxMark is the file in a data directory of run -sandbox.
const sandboxMark = "SANDBOX"

// takeForSandbox makes a directory one for run -sandbox. It refuses one of a daemon on
// real systems: of its records the simulators know none, which would be taken for
// deleted.
func takeForSandbox(dir string) error {
	mark := filepath.Join(dir, sandboxMark)
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	switch held, err := os.ReadDir(dir); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case len(held) > 0:
		return fmt.Errorf("-sandbox does not work on the data of real systems, which %s may hold: name an empty directory, or leave -data out", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(mark, []byte("The data of lockstep run -sandbox: its records are in simulators.\n"), 0o600)
}

// logFlags are -log-level and -log-format of the commands that run.
type logFlags struct{ level, format string }

func (l *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.level, "log-level", "info", "`LEVEL`: debug, info, warn or error")
	cmd.Flags().StringVar(&l.format, "log-format", "text", "`FORMAT`: text or json")
	completeFlag(cmd, "log-level", fixed("debug", "info", "warn", "error"))
	completeFlag(cmd, "log-format", fixed("text", "json"))
}

func (l *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, usagef("-log-level %q: expected debug, info, warn or error", l.level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usagef("-log-format %q: expected text or json", l.format)
}

// adminFlags are -admin of the commands that ask a running daemon.
type adminFlags struct{ address string }

func (f *adminFlags) add(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.address, "admin", "",
		fmt.Sprintf("admin `ADDRESS` of the daemon: unix://PATH, HOST:PORT or https://HOST:PORT (default: LOCKSTEP_ADMIN, else %s)", daemon.AdminSocket(daemon.DefaultDataDir)))
}
