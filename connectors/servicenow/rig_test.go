package servicenow_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

var incidents = connectors.Collection{Type: "servicenow", Connector: "itsm", Record: "incident"}

const webhookSecret = "hook-secret-0451"

// secrets are all that must never be seen in an error.
var secrets = []string{servicenowtest.DefaultPassword + "-0451", servicenowtest.DefaultClientSecret + "-0451", webhookSecret, "access-", "refresh-"}

func options() servicenowtest.Options {
	return servicenowtest.Options{Password: secrets[0], ClientSecret: secrets[1]}
}

// basic are the settings of basic authentication on the instance.
func basic() *servicenow.Settings {
	user, password := servicenowtest.DefaultUsername, connectors.Secret(secrets[0])
	return &servicenow.Settings{URL: servicenowtest.DefaultURL, Username: &user, Password: &password}
}

func oauth() *servicenow.Settings {
	return &servicenow.Settings{URL: servicenowtest.DefaultURL, OAuth: &servicenow.OAuth{
		ClientID: servicenowtest.DefaultClientID, ClientSecret: connectors.Secret(secrets[1]),
	}}
}

func passwordGrant() *servicenow.Settings {
	s := basic()
	s.OAuth = oauth().OAuth
	return s
}

// connect makes a connector whose requests are handed to the round tripper.
func connect(t testing.TB, to http.RoundTripper, settings *servicenow.Settings) *servicenow.Connector {
	t.Helper()
	c, err := servicenow.System().New("itsm", settings, connectors.Common{WebhookSecret: webhookSecret}, connectors.Env{RoundTripper: to, UserAgent: "lockstep/test"})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*servicenow.Connector)
}

func instance(t testing.TB) (*servicenowtest.Server, *servicenow.Connector) {
	t.Helper()
	server := servicenowtest.New(options())
	return server, connect(t, server.RoundTripper(), basic())
}

// wantClass checks an error's class, and that no secret stands in it.
func wantClass(t testing.TB, err error, class connectors.Class) *connectors.Error {
	t.Helper()
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		t.Fatalf("error is %v, want one of class %s", err, class)
	}
	if failure.Class != class {
		t.Errorf("class is %s, want %s: %v", failure.Class, class, err)
	}
	wantNoSecret(t, err)
	return failure
}

func wantNoSecret(t testing.TB, err error) {
	t.Helper()
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err.Error())} {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("a secret stands in the error: %s", text)
			}
		}
	}
}

// shared reads a file of the vendors' facts beside the repository. Where it is
// not there, the test that needs it is skipped.
func shared(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", filepath.FromSlash(name)))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not beside the repository", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// draft is a minimal ticket.
func draft(key string, fields map[string]any) connectors.Draft {
	all := map[string]any{"short_description": "Our database is sad"}
	maps.Copy(all, fields)
	return connectors.Draft{Collection: incidents, Key: key, Stamp: "w1", Fields: all}
}

func create(t testing.TB, c *servicenow.Connector, key string, fields map[string]any) connectors.Record {
	t.Helper()
	record, err := c.Create(t.Context(), draft(key, fields))
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func probe(ctx context.Context, c connectors.Connector) error {
	_, err := c.(connectors.Prober).Probe(ctx)
	return err
}

// must is a value that comes without an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
