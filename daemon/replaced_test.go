package daemon

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// connections counts those that a server has, and has had.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]bool
	all  int
}

func (c *connections) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s {
	case http.StateNew:
		c.open[conn] = true
		c.all++
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	}
}

func (c *connections) count() (open, all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open), c.all
}

func counted(t *testing.T, handler http.Handler) (string, *connections) {
	t.Helper()
	c := &connections{open: map[net.Conn]bool{}}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = c.state
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, c
}

// TestReplacedConnectorsLeaveNoConnections: each reload makes new connectors,
// which ask their systems about the configuration; what the ones before had
// open is closed.
func TestReplacedConnectorsLeaveNoConnections(t *testing.T) {
	incidents, atSource := counted(t, incidentiotest.New(incidentiotest.Options{}))
	tickets, atTarget := counted(t, servicenowtest.New(servicenowtest.Options{}))
	config := func(limit int) string {
		return fmt.Sprintf(`
connector "incidentio" "acme" {
  api_key    = %q
  api_url    = %q
  rate_limit = %d
}
connector "servicenow" "itsm" {
  url        = %q
  username   = %q
  password   = %q
  rate_limit = %d
}
route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = servicenow.itsm.incident
  outbound {
    short_description = "{{ incident.custom_fields['Team'] }}"
    u_team            = "{{ incident.name }}"
  }
}
`, incidentiotest.DefaultKey, incidents, 6000+limit, tickets, servicenowtest.DefaultUsername, servicenowtest.DefaultPassword, 6000+limit)
	}
	r := newRig(t, config(0))
	r.options.Systems = []connectors.System{incidentio.System(), servicenow.System()}
	r.start()
	reload := func(i int) {
		_, before := atSource.count()
		_, beforeTarget := atTarget.count()
		daemontest.WriteFile(t, r.file, config(i))
		if _, _, err := r.client.Reload(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		daemontest.Eventually(t, "the new connectors to ask their systems", func() bool {
			_, now := atSource.count()
			_, nowTarget := atTarget.count()
			return now > before && nowTarget > beforeTarget
		})
	}
	for i := range 5 {
		reload(1 + i)
	}
	goroutines := runtime.NumGoroutine()
	for i := range 50 {
		reload(10 + i)
	}
	const each = 3 // connections of one connector that asks a few things at once
	daemontest.Eventually(t, "the connections of replaced connectors to be closed", func() bool {
		source, _ := atSource.count()
		target, _ := atTarget.count()
		return source <= each && target <= each
	})
	daemontest.Eventually(t, "their goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines+4*each })
	r.end()
	daemontest.Eventually(t, "a stopped daemon to leave no connection", func() bool {
		source, _ := atSource.count()
		target, _ := atTarget.count()
		return source == 0 && target == 0
	})
}
