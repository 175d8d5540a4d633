package incidentio_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

// testSecret is the key of the Standard Webhooks test vectors.
const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var (
	incidents = connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}
	followUps = connectors.Collection{Type: "incidentio", Connector: "acme", Record: "follow_up"}
)

// everything is all that a connector of incident.io can do.
type everything interface {
	connectors.NameFinder
	connectors.Target
	connectors.OnceCreator
	connectors.UnkeyedFinder
	connectors.TransitionChecker
	connectors.Poller
	connectors.WebhookReceiver
	connectors.Prober
	connectors.Hider
	connectors.Advisor
	connectors.Commenter
	connectors.WebLinker
	connectors.ItemPoller
	connectors.HistoryReader
}

// connect makes a connector with the key, in memory.
func connect(t *testing.T, tripper http.RoundTripper, key string) everything {
	t.Helper()
	system := incidentio.System()
	common := system.Defaults
	common.WebhookSecret = testSecret
	common.RateLimit = 0
	made, err := system.New("acme", &incidentio.Settings{APIKey: connectors.Secret(key)}, common, connectors.Env{RoundTripper: tripper})
	if err != nil {
		t.Fatal(err)
	}
	return made.(everything)
}

// start makes an account and a connector to it.
func start(t *testing.T, o incidentiotest.Options) (*incidentiotest.Server, everything) {
	t.Helper()
	server := incidentiotest.New(o)
	return server, connect(t, held(t, server.RoundTripper()), incidentiotest.DefaultKey)
}

func create(t *testing.T, s *incidentiotest.Server, changes ...incidentiotest.Change) incidentiotest.Incident {
	t.Helper()
	made, err := s.CreateIncident(changes...)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func edit(t *testing.T, s *incidentiotest.Server, id string, changes ...incidentiotest.Change) incidentiotest.Incident {
	t.Helper()
	changed, err := s.EditIncident(id, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func read(t *testing.T, c connectors.Connector, ref connectors.Ref) connectors.Record {
	t.Helper()
	record, err := c.Read(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// shared is the content of a file beside the repository; the test is skipped
// where there is none.
func shared(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", path))
	if os.IsNotExist(err) {
		t.Skipf("the vendor's file %s is not beside the repository", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// A clock is moved by hand.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func probe(ctx context.Context, c connectors.Connector) error {
	_, err := c.(connectors.Prober).Probe(ctx)
	return err
}
