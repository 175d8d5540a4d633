package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon"
	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

// client asks the daemon that the flags or the environment name.
func (a *app) client(f *adminFlags) *admin.Client {
	address := f.address
	if address == "" {
		address, _ = a.env("LOCKSTEP_ADMIN")
	}
	if address == "" {
		address = daemon.AdminSocket(daemon.DefaultDataDir)
	}
	token, _ := a.env("LOCKSTEP_ADMIN_TOKEN")
	client := admin.NewClient(address, connectors.Secret(token))
	if ca, _ := a.env("LOCKSTEP_ADMIN_CA"); ca != "" {
		client.TrustCA(ca)
	}
	return client
}

// explained adds what to do about an error of the client.
func explained(err error) error {
	var unreachable *admin.UnreachableError
	var refused *admin.AnswerError
	var unknownCA x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknownCA):
		return fmt.Errorf("%w\nPut the path of its CA's certificate into LOCKSTEP_ADMIN_CA", err)
	case errors.As(err, &unreachable):
		return fmt.Errorf("%w\nIs 'lockstep run' running, and -admin (or LOCKSTEP_ADMIN) its admin address?", err)
	case errors.As(err, &refused) && refused.Status == 401:
		return fmt.Errorf("%w; put it into LOCKSTEP_ADMIN_TOKEN", err)
	}
	return err
}

// named says of which id a daemon has nothing.
func named(err error, what, id string) error {
	var refused *admin.AnswerError
	if errors.As(err, &refused) && refused.Status == 404 {
		return fmt.Errorf("%s: there is no such %s", id, what)
	}
	return err
}

// printJSON prints the daemon's own bytes.
func (a *app) printJSON(raw []byte) error {
	if _, err := a.stdout.Write(raw); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// table writes rows of tab-separated cells in columns.
func table(w io.Writer, rows func(row func(cells ...any))) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	rows(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, visible.Line(fmt.Sprint(c))) // before the columns are made as wide as it is
		}
		fmt.Fprintln(t)
	})
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
