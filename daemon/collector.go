package daemon

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/breaker"
)

type (
	routesFunc     = func(context.Context) ([]engine.RouteStatus, error)
	connectorsFunc = func() []breaker.ConnectorStatus
)

// scrapeTimeout bounds what a scrape waits for the store.
const scrapeTimeout = 5 * time.Second

// A stateCollector asks for what the store and the engine know, at every
// scrape.
type stateCollector struct {
	routes     routesFunc
	connectors connectorsFunc
	ready      func() error

	up, pending, oldest, inFlight, links, dead, runaways, healthy, calls, throttled, paused, missing *prometheus.Desc
}

func newStateCollector(routes routesFunc, systems connectorsFunc, ready func() error) *stateCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("lockstep_"+name, help, labels, nil)
	}
	return &stateCollector{
		routes: routes, connectors: systems, ready: ready,
		up:        desc("ready", "1 if the daemon does its work."),
		pending:   desc("hints_pending", "Hints that are not finished, by route.", "route"),
		oldest:    desc("oldest_pending_hint_age_seconds", "Age of the oldest hint that waits; 0: none does.", "route"),
		inFlight:  desc("reconciles_in_flight", "Records that are being reconciled.", "route"),
		links:     desc("links", "Links by route.", "route"),
		dead:      desc("dead_letters", "Dead letters that wait for a person, by route.", "route"),
		runaways:  desc("runaway_computations", "Records that were given up because they computed for too long, and whose computation still runs, by route.", "route"),
		healthy:   desc("connector_ok", "1 if every kind of call to the connector works and none waits; see lockstep_connector_call_ok for which does not.", "connector", "type"),
		calls:     desc("connector_call_ok", "0 while this kind of call to the connector fails.", "connector", "type", "call"),
		paused:    desc("route_paused", "1 while an operator keeps the route from writing.", "route"),
		throttled: desc("connector_throttled", "1 while the connector is not to be called.", "connector", "type"),
		missing:   desc("missing_records", "Linked records of the connector that read as not found. More than a few were not deleted: their links are kept.", "connector", "type"),
	}
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.pending, c.oldest, c.inFlight, c.links, c.dead, c.runaways, c.healthy, c.calls, c.throttled, c.paused, c.missing} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, s := range c.connectors() {
		gauge(c.healthy, number(s.OK), s.Name, s.Type)
		for _, call := range s.Calls {
			gauge(c.calls, number(call.OK), s.Name, s.Type, call.Call)
		}
		gauge(c.throttled, number(s.ThrottledUntil != nil), s.Name, s.Type)
		records := 0
		if s.Missing != nil {
			records = s.Missing.Records
		}
		gauge(c.missing, float64(records), s.Name, s.Type)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	routes, err := c.routes(ctx)
	gauge(c.up, number(err == nil && c.ready() == nil))
	for _, r := range routes {
		age := 0.0
		if !r.Oldest.IsZero() {
			age = max(0, time.Since(r.Oldest).Seconds())
		}
		gauge(c.pending, float64(r.Pending), r.Name)
		gauge(c.oldest, age, r.Name)
		gauge(c.inFlight, float64(r.InFlight), r.Name)
		gauge(c.links, float64(r.Links), r.Name)
		gauge(c.dead, float64(r.Dead), r.Name)
		gauge(c.paused, number(r.Paused != nil), r.Name)
		gauge(c.runaways, float64(r.Runaways), r.Name)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
