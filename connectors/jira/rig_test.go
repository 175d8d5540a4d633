package jira_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
)

// secrets are all that must never be seen in an error.
var secrets = []string{"api-token-0451", "hook-secret-0451", "media-token"}

func options() jiratest.Options { return jiratest.Options{APIToken: secrets[0]} }

func settings() *jira.Settings {
	return &jira.Settings{URL: jiratest.DefaultURL, Email: jiratest.DefaultEmail, APIToken: connectors.Secret(secrets[0])}
}

// connect makes a connector whose requests are handed to the round tripper.
func connect(t testing.TB, to http.RoundTripper, change func(*connectors.Common)) *jira.Connector {
	t.Helper()
	common := connectors.Common{WebhookSecret: connectors.Secret(secrets[1]), IndexLag: 10 * time.Minute}
	if change != nil {
		change(&common)
	}
	c, err := jira.System().New("eng", settings(), common, connectors.Env{RoundTripper: to, UserAgent: "lockstep/test"})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*jira.Connector)
}

func site(t testing.TB) (*jiratest.Server, *jira.Connector) {
	t.Helper()
	server := jiratest.New(options())
	return server, connect(t, server.RoundTripper(), nil)
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
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err.Error())} {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("a secret stands in the error: %s", text)
			}
		}
	}
	return failure
}

// draft is a minimal issue.
func draft(key string, fields map[string]any) connectors.Draft {
	all := map[string]any{"project": "ENG", "issuetype": "Bug", "summary": "Our database is sad"}
	maps.Copy(all, fields)
	return connectors.Draft{Collection: issues, Key: key, Stamp: "ls-1", Fields: all}
}

func create(t testing.TB, c *jira.Connector, key string, fields map[string]any) connectors.Record {
	t.Helper()
	record, err := c.Create(t.Context(), draft(key, resolved(t, c, fields)))
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func resolved(t testing.TB, c *jira.Connector, fields map[string]any) map[string]any {
	t.Helper()
	values, failed, err := c.Resolve(t.Context(), "issue", fields)
	if err != nil || len(failed) > 0 {
		t.Fatalf("%v %v", failed, err)
	}
	return values
}

func update(t testing.TB, c *jira.Connector, ref connectors.Ref, stamp string, fields map[string]any) connectors.Record {
	t.Helper()
	record, err := c.Update(t.Context(), connectors.Change{Ref: ref, Stamp: stamp, Fields: resolved(t, c, fields)})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func probe(ctx context.Context, c connectors.Connector) error {
	_, err := c.(connectors.Prober).Probe(ctx)
	return err
}
