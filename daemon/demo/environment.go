package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/daemon"
	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/simulators"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/examples"
	"github.com/lockstep-sync/lockstep/rules"
)

// waitLimit bounds everything that the scenario waits for. It takes
// milliseconds; only a machine in trouble gets near.
const waitLimit = 30 * time.Second

// An environment is what the demonstration runs in: the simulated systems, and
// the daemon in this process on a copy of the example.
type environment struct {
	Options
	dir     string // of everything below
	conf    string
	systems *simulators.Group
	vars    map[string]string
	env     func(string) (string, bool)

	client  *admin.Client
	address daemon.Addresses
	stop    context.CancelFunc // of the daemon
	stopped chan error
}

// newEnvironment copies the example into a temporary directory.
func newEnvironment(o Options, systems *simulators.Group) (*environment, error) {
	dir, err := os.MkdirTemp("", "lockstep-demo-")
	if err != nil {
		return nil, err
	}
	s := &environment{
		Options: o, dir: dir, conf: filepath.Join(dir, "conf"), systems: systems,
		vars: map[string]string{
			"incidentio_url": systems.URL(), "servicenow_url": systems.URL(), "jira_url": systems.URL(),
			"servicenow_user": simulators.User, "jira_email": jiratest.DefaultEmail, "incidents_poll": "1s", "tickets_poll": "1s",
		},
		env: func(name string) (string, bool) {
			value, ok := systems.Secrets()[name]
			return value, ok
		},
	}
	example, err := examples.Routing()
	if err == nil {
		err = os.CopyFS(s.conf, example)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// start runs the daemon until it is ready.
func (s *environment) start(ctx context.Context, log *slog.Logger) error {
	listen := "127.0.0.1:0"
	if s.address.Public != "" {
		listen = s.address.Public // the webhooks know it by now
	}
	ctx, s.stop = context.WithCancel(ctx)
	ready := make(chan daemon.Addresses, 1)
	s.stopped = make(chan error, 1)
	go func() {
		s.stopped <- daemon.Run(ctx, daemon.Options{
			Dir: s.conf, Listen: listen, DataDir: filepath.Join(s.dir, "data"), Vars: s.vars, Env: s.env,
			Systems: s.Systems, Version: s.Version, Logger: log, Abort: s.Abort,
			OnReady: func(a daemon.Addresses) { ready <- a },
		})
	}()
	select {
	case s.address = <-ready:
		s.client = admin.NewClient(s.address.Admin, "")
		return nil
	case err := <-s.stopped:
		s.stop()
		s.stop = nil
		if err == nil {
			err = ctx.Err()
		}
		return err
	}
}

// end stops the daemon, if it runs, and waits until it has.
func (s *environment) end() error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	s.stop = nil
	return <-s.stopped
}

// write replaces a file of the configuration, as an editor does.
func (s *environment) write(name string, change func(text string) string) error {
	path := filepath.Join(s.conf, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	next := path + ".next"
	if err := os.WriteFile(next, []byte(change(string(text))), fs.FileMode(0o600)); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// until asks again and again, until the answer is good.
func until(ctx context.Context, what string, ask func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		good, err := ask(ctx)
		if good && err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: it did not happen within %s: %w", what, waitLimit, errors.Join(err, ctx.Err()))
		}
	}
}

// decision waits for a decision about a record that fits.
func (s *environment) decision(ctx context.Context, record connectors.Ref, fits func(journal.Entry) bool) error {
	return until(ctx, "a decision about "+record.String(), func(ctx context.Context) (bool, error) {
		entries, _, err := s.client.Decisions(ctx, record.String(), "", 50)
		return slices.ContainsFunc(entries, func(d engine.DecisionView) bool { return fits(d.Entry) }), err
	})
}

// link waits for a record's ticket.
func (s *environment) link(ctx context.Context, record connectors.Ref) (engine.LinkView, error) {
	var found engine.LinkView
	err := until(ctx, "the ticket of "+record.String(), func(ctx context.Context) (bool, error) {
		all, _, err := s.client.Links(ctx, engine.Query{})
		for _, l := range all {
			if l.Source == record && l.State == links.Active {
				found = l
				return true, nil
			}
		}
		return false, err
	})
	return found, err
}

// ticket waits for the ticket of a record to be open in ServiceNow, and to fit.
func (s *environment) ticket(ctx context.Context, record connectors.Ref, fits func(servicenowtest.Row) bool) (servicenowtest.Row, error) {
	link, err := s.link(ctx, record)
	if err != nil {
		return nil, err
	}
	var found servicenowtest.Row
	err = until(ctx, "the ticket of "+record.String()+" to change", func(context.Context) (bool, error) {
		found = s.systems.Tickets.Ticket("incident", link.Target.ID)
		return found != nil && fits(found), nil
	})
	return found, err
}

// reloaded waits until another generation than before runs.
func (s *environment) reloaded(ctx context.Context, before string) error {
	return until(ctx, "the reload", func(ctx context.Context) (bool, error) {
		status, _, err := s.client.Status(ctx)
		return err == nil && status.Config.OK && status.Generation != before, err
	})
}

// rules returns those of the files, to explain a decision with. They are the ones
// that the daemon runs, unless the files are bad.
func (s *environment) rules() (*rules.Set, rules.Diagnostics) {
	return rules.Load(context.Background(), s.conf, rules.Options{Systems: s.Systems, Vars: s.vars, Env: s.env})
}

// stored reports whether a text is anywhere in the files of the data directory
// or in the daemon's log.
func (s *environment) stored(text string) (bool, error) {
	found := false
	err := filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the server removes files as it goes
	}
	return found, err
}
