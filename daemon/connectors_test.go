package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

type fakeSettings struct{ URL string }

// A fakeConnector is a system that is always there and always empty.
type fakeConnector struct {
	fakeReceiver
	name   string
	advice []connectors.Advice
	fail   error
}

func (c *fakeConnector) Read(_ context.Context, ref connectors.Ref) (connectors.Record, error) {
	return connectors.Record{}, &connectors.Error{Class: connectors.ClassGone, Op: "read", Record: ref.String()}
}

func (c *fakeConnector) Throttled() time.Time { return time.Time{} }

func (c *fakeConnector) Advise(context.Context, []connectors.Use) ([]connectors.Advice, error) {
	return c.advice, c.fail
}

func fakeSystem() connectors.System {
	return connectors.System{
		Type: "fake",
		New: func(name string, settings any, _ connectors.Common, env connectors.Env) (connectors.Connector, error) {
			if settings.(*fakeSettings).URL == "bad" {
				return nil, errors.New("the address is bad")
			}
			if env.Logger == nil || env.Observer == nil || env.UserAgent != "lockstep/test" {
				return nil, errors.New("the environment is not complete")
			}
			return &fakeConnector{name: name}, nil
		},
	}
}

func fakeBlock(name, url string, common connectors.Common) *rules.Connector {
	return &rules.Connector{Name: name, System: fakeSystem(), Settings: &fakeSettings{url}, Common: common}
}

func setOf(blocks ...*rules.Connector) *rules.Set {
	set := &rules.Set{Connectors: map[string]*rules.Connector{}}
	for _, b := range blocks {
		set.Connectors[b.Name] = b
	}
	return set
}

func TestConnectorsAreKeptWhereTheirBlockDidNotChange(t *testing.T) {
	factory := connectorFactory{log: quiet, observer: newTestMetrics(), userAgent: "lockstep/test"}
	common := connectors.Common{RateLimit: 60, WebhookSecret: "s"}
	first, err := factory.build(setOf(fakeBlock("kept", "a", common), fakeBlock("settings", "a", common), fakeBlock("common", "a", common), fakeBlock("gone", "a", common)), nil)
	if err != nil {
		t.Fatal(err)
	}
	slower := common
	slower.RateLimit = 30
	second, err := factory.build(setOf(fakeBlock("kept", "a", common), fakeBlock("settings", "b", common), fakeBlock("common", "a", slower), fakeBlock("new", "a", common)), first)
	if err != nil {
		t.Fatal(err)
	}
	for name, kept := range map[string]bool{"kept": true, "settings": false, "common": false} {
		if got := first[name].connector == second[name].connector; got != kept {
			t.Errorf("connector %s kept: %v, want %v", name, got, kept)
		}
	}
	if _, ok := second["gone"]; ok || second["new"].connector == nil {
		t.Errorf("connectors %v", second)
	}
	third, err := factory.build(setOf(fakeBlock("kept", "a", common)), second)
	if err != nil || third["kept"].connector != first["kept"].connector {
		t.Errorf("not kept over two reloads: %v", err)
	}
}

func TestConnectorsThatCannotBeMade(t *testing.T) {
	factory := connectorFactory{log: quiet, observer: newTestMetrics(), userAgent: "lockstep/test"}
	unbuilt := fakeBlock("eng", "a", connectors.Common{})
	unbuilt.System.Type, unbuilt.System.New = "jira", nil
	for want, set := range map[string]*rules.Set{
		"connector eng: this build has no client for jira yet": setOf(unbuilt),
		"connector acme: the address is bad":                   setOf(fakeBlock("acme", "bad", connectors.Common{})),
	} {
		if _, err := factory.build(set, nil); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestOnlyConnectorsWithASecretTakeWebhooks(t *testing.T) {
	factory := connectorFactory{log: quiet, observer: newTestMetrics(), userAgent: "lockstep/test"}
	f, err := factory.build(setOf(fakeBlock("with", "a", connectors.Common{WebhookSecret: "s"}), fakeBlock("without", "a", connectors.Common{})), nil)
	if err != nil {
		t.Fatal(err)
	}
	receivers := f.receivers()
	if len(receivers) != 1 || receivers["with"] == nil {
		t.Errorf("receivers %v, want one", receivers)
	}
}

func TestAdviceDiagnostic(t *testing.T) {
	set := &rules.Set{Dir: "conf"}
	use := connectors.Use{Record: "incident", Field: "close_code"}
	d := adviceDiagnostic(set, "itsm", connectors.Advice{Use: use, Value: "Solved", Message: "Its choices are A and B."})
	if d.Severity != "warning" || d.Summary != "itsm: incident.close_code: Solved" || d.Detail != "Its choices are A and B." {
		t.Errorf("diagnostic %+v", d)
	}
	if d := adviceDiagnostic(set, "itsm", connectors.Advice{Use: use}); strings.HasSuffix(d.Summary, ":") {
		t.Errorf("summary %q", d.Summary)
	}
}
