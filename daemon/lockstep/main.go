// Command lockstep keeps incidents and tickets in step, by rules that live in
// git.
//
// This package is the command line: a file a command. It is the only one that
// sees signals, the terminal and the exit status.
package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1 // it did not hold: errors found, not reachable
	exitUsage  = 2
)

// app is what every command works with.
type app struct {
	stdin io.Reader
	// stdout and stderr show what would be carried out by a terminal; exact is
	// for what another program is to read byte by byte.
	stdout, stderr *visible.Writer
	exact          io.Writer
	env            func(string) (string, bool)
	// onStep, if not nil, is called at every step of a reconcile; tests kill
	// the process there.
	onStep func(context.Context, reconcile.Step)
}

// run runs a command line and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	return newApp(stdin, stdout, stderr, env).execute(ctx, args)
}

func newApp(stdin io.Reader, stdout, stderr io.Writer, env func(string) (string, bool)) *app {
	return &app{stdin: stdin, stdout: visible.NewWriter(stdout), stderr: visible.NewWriter(stderr), exact: stdout, env: env}
}

func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	args, err := normalize(root, args)
	if err == nil {
		root.SetArgs(args)
		err = root.ExecuteContext(ctx)
	}
	status := a.report(err)
	if err := errors.Join(a.stdout.Flush(), a.stderr.Flush()); err != nil && status == exitDone {
		return exitFailed
	}
	return status
}
