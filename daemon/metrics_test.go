package daemon

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/pauses"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/rules"
)

var (
	_ reconcile.Metrics   = (*metrics)(nil)
	_ connectors.Observer = (*metrics)(nil)
)

func newTestMetrics() *metrics {
	return newMetrics("test",
		func(context.Context) ([]engine.RouteStatus, error) { return nil, nil },
		func() []breaker.ConnectorStatus { return nil },
		func() error { return nil })
}

func scrape(t *testing.T, m *metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scrape: %d %v %s", w.Code, err, body)
	}
	return string(body)
}

func TestMetrics(t *testing.T) {
	until := time.Now().Add(time.Minute)
	var outage error
	m := newMetrics("1.2.3",
		func(context.Context) ([]engine.RouteStatus, error) {
			if outage != nil {
				return nil, outage
			}
			return []engine.RouteStatus{{Name: "incidents", Pending: 3, InFlight: 2, Links: 7, Dead: 1, Oldest: time.Now().Add(-time.Hour)}, {Name: "idle", Paused: &pauses.Pause{}}}, nil
		},
		func() []breaker.ConnectorStatus {
			return []breaker.ConnectorStatus{{Name: "acme", Type: "incidentio", OK: true}, {Name: "itsm", Type: "servicenow", ThrottledUntil: &until}}
		},
		func() error { return nil })

	m.webhook("acme", 202)
	m.webhook("", 404)
	m.Reconciled("incidents", "ok", time.Second)
	m.Decided("incidents", "security", "create")
	m.Wrote("itsm", "create")
	m.DeadLettered("incidents", "rejected")
	m.Noted("incidents", "conflict")
	m.Polled("acme", "incident", 2, nil)
	m.Polled("acme", "incident", 0, errors.New("no answer"))
	m.Request("itsm", "create", "ok", time.Second)
	m.Retried("itsm", "read")
	m.Throttled("itsm", 90*time.Second)
	m.configured(&rules.Set{Generation: "g0"}, "c0")
	m.configured(&rules.Set{Generation: "g1", Routes: []*rules.Route{{}}}, "c1")
	m.reloaded(true)
	m.reloaded(false)

	got := scrape(t, m)
	for _, want := range []string{
		`lockstep_ready 1`,
		`lockstep_webhooks_total{code="202",connector="acme"} 1`,
		`lockstep_webhooks_total{code="404",connector=""} 1`,
		`lockstep_hints_pending{route="incidents"} 3`,
		`lockstep_reconciles_in_flight{route="incidents"} 2`,
		`lockstep_oldest_pending_hint_age_seconds{route="incidents"} 3600`,
		`lockstep_oldest_pending_hint_age_seconds{route="idle"} 0`,
		`lockstep_route_paused{route="idle"} 1`,
		`lockstep_route_paused{route="incidents"} 0`,
		`lockstep_links{route="incidents"} 7`,
		`lockstep_dead_letters{route="incidents"} 1`,
		`lockstep_dead_letters_total{reason="rejected",route="incidents"} 1`,
		`lockstep_reconciles_total{outcome="ok",route="incidents"} 1`,
		`lockstep_reconcile_duration_seconds_count{route="incidents"} 1`,
		`lockstep_decisions_total{action="create",route="incidents",template="security"} 1`,
		`lockstep_writes_total{connector="itsm",verb="create"} 1`,
		`lockstep_merge_notes_total{route="incidents",what="conflict"} 1`,
		`lockstep_polls_total{connector="acme",outcome="error",record="incident"} 1`,
		`lockstep_polled_records_total{connector="acme",record="incident"} 2`,
		`lockstep_api_request_duration_seconds_count{connector="itsm",outcome="ok",verb="create"} 1`,
		`lockstep_api_retries_total{connector="itsm",verb="read"} 1`,
		`lockstep_api_throttled_seconds_total{connector="itsm"} 90`,
		`lockstep_connector_ok{connector="acme",type="incidentio"} 1`,
		`lockstep_connector_ok{connector="itsm",type="servicenow"} 0`,
		`lockstep_connector_throttled{connector="itsm",type="servicenow"} 1`,
		`lockstep_config_last_reload_successful 0`,
		`lockstep_config_reloads_total{outcome="bad"} 1`,
		`lockstep_config_info{commit="c1",generation="g1"} 1`,
		`lockstep_config_routes 1`,
		`lockstep_build_info{go_version="go`,
		`go_goroutines`,
	} {
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("no line begins with %s", want)
		}
	}
	if strings.Contains(got, "g0") {
		t.Error("the configuration before is still there")
	}

	// An outage of the store is said, and the rest is still there.
	outage = errors.New("the store is away")
	got = scrape(t, m)
	if !strings.Contains(got, "\nlockstep_ready 0") || strings.Contains(got, "lockstep_hints_pending{") || !strings.Contains(got, "lockstep_writes_total{") {
		t.Errorf("during an outage:\n%s", got)
	}
}
