package main

import (
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon"
	"github.com/lockstep-sync/lockstep/daemon/admin"
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

// noSuch says of which name there is nothing of a kind.
func noSuch(err error, what, name string) error {
	var refused *admin.AnswerError
	if errors.As(err, &refused) && refused.Unknown {
		return fmt.Errorf("%s: there is no such %s", name, what)
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
