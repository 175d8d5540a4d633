package daemon

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lockstep-sync/lockstep/rules"
)

// metrics are what an operator draws and alarms on. It is told by the engine
// (engine.Metrics) and by the connectors (connectors.Observer). Labels are
// names of the configuration and fixed words, never contents of a record.
type metrics struct {
	registry *prometheus.Registry

	webhooks   *prometheus.CounterVec
	reconciles *prometheus.CounterVec
	reconciled *prometheus.HistogramVec
	decisions  *prometheus.CounterVec
	writes     *prometheus.CounterVec
	dead       *prometheus.CounterVec
	notes      *prometheus.CounterVec
	polls      *prometheus.CounterVec
	polled     *prometheus.CounterVec

	requests  *prometheus.HistogramVec
	retries   *prometheus.CounterVec
	throttled *prometheus.CounterVec

	reloads      *prometheus.CounterVec
	reloadOK     prometheus.Gauge
	reloadedAt   prometheus.Gauge
	configInfo   *prometheus.GaugeVec
	configRoutes prometheus.Gauge
}

// newMetrics makes the metrics of one process. The functions are asked at
// every scrape for what the store and the engine know.
func newMetrics(version string, routes routesFunc, systems connectorsFunc, ready func() error) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lockstep_" + name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "lockstep_" + name, Help: help})
	}
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		webhooks:   counter("webhooks_total", "Webhooks by connector (empty: no such receiver) and status code.", "connector", "code"),
		reconciles: counter("reconciles_total", "Finished reconciles by route and outcome.", "route", "outcome"),
		reconciled: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lockstep_reconcile_duration_seconds", Help: "Time of a reconcile, the systems' answers included.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120},
		}, []string{"route"}),
		decisions: counter("decisions_total", "Decisions by route, template (empty: none) and action.", "route", "template", "action"),
		writes:    counter("writes_total", "Writes that a system answered, by connector and verb.", "connector", "verb"),
		dead:      counter("dead_letters_total", "Dead letters that came up, by route and reason.", "route", "reason"),
		notes:     counter("merge_notes_total", "What a merge had to settle: a conflict, values that differ, drift that only a sweep found, states that the table does not relate.", "route", "what"),
		polls:     counter("polls_total", "Polls by connector, record type and outcome.", "connector", "record", "outcome"),
		polled:    counter("polled_records_total", "Records that polls found changed.", "connector", "record"),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lockstep_api_request_duration_seconds", Help: "Requests to a system by connector, verb and outcome.",
			Buckets: []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"connector", "verb", "outcome"}),
		retries:    counter("api_retries_total", "Reads that were sent again.", "connector", "verb"),
		throttled:  counter("api_throttled_seconds_total", "Silence that a system asked for, in seconds.", "connector"),
		reloads:    counter("config_reloads_total", "Times that the files were loaded, by outcome.", "outcome"),
		reloadOK:   gauge("config_last_reload_successful", "1 if what the files held when they were last loaded was taken over."),
		reloadedAt: gauge("config_last_reload_success_timestamp_seconds", "When what the files hold was last taken over."),
		configInfo: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lockstep_config_info", Help: "The configuration that runs; always 1.",
		}, []string{"generation", "commit"}),
		configRoutes: gauge("config_routes", "Routes of the configuration that runs."),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "lockstep_build_info", Help: "This build; always 1.",
	}, []string{"version", "go_version"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(
		m.webhooks, m.reconciles, m.reconciled, m.decisions, m.writes, m.dead, m.notes, m.polls, m.polled,
		m.requests, m.retries, m.throttled,
		m.reloads, m.reloadOK, m.reloadedAt, m.configInfo, m.configRoutes, build,
		newStateCollector(routes, systems, ready),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

func (m *metrics) webhook(connector string, code int) {
	m.webhooks.WithLabelValues(connector, strconv.Itoa(code)).Inc()
}

func (m *metrics) reloaded(ok bool) {
	if !ok {
		m.reloads.WithLabelValues("bad").Inc()
		m.reloadOK.Set(0)
		return
	}
	m.reloads.WithLabelValues("ok").Inc()
	m.reloadOK.Set(1)
	m.reloadedAt.SetToCurrentTime()
}

func (m *metrics) configured(set *rules.Set, commit string) {
	m.configInfo.Reset()
	m.configInfo.WithLabelValues(set.Generation, commit).Set(1)
	m.configRoutes.Set(float64(len(set.Routes)))
}

// Reconciled implements reconcile.Metrics.
func (m *metrics) Reconciled(route, outcome string, took time.Duration) {
	m.reconciles.WithLabelValues(route, outcome).Inc()
	m.reconciled.WithLabelValues(route).Observe(took.Seconds())
}

// Decided implements reconcile.Metrics.
func (m *metrics) Decided(route, template, action string) {
	m.decisions.WithLabelValues(route, template, action).Inc()
}

// Wrote implements reconcile.Metrics.
func (m *metrics) Wrote(connector, verb string) { m.writes.WithLabelValues(connector, verb).Inc() }

// DeadLettered implements reconcile.Metrics.
func (m *metrics) DeadLettered(route, reason string) { m.dead.WithLabelValues(route, reason).Inc() }

// Noted implements reconcile.Metrics.
func (m *metrics) Noted(route, what string) { m.notes.WithLabelValues(route, what).Inc() }

// Polled implements reconcile.Metrics.
func (m *metrics) Polled(connector, record string, found int, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	m.polls.WithLabelValues(connector, record, outcome).Inc()
	m.polled.WithLabelValues(connector, record).Add(float64(found))
}

// Request implements connectors.Observer.
func (m *metrics) Request(connector, verb, outcome string, took time.Duration) {
	m.requests.WithLabelValues(connector, verb, outcome).Observe(took.Seconds())
}

// Retried implements connectors.Observer.
func (m *metrics) Retried(connector, verb string) { m.retries.WithLabelValues(connector, verb).Inc() }

// Throttled implements connectors.Observer.
func (m *metrics) Throttled(connector string, pause time.Duration) {
	m.throttled.WithLabelValues(connector).Add(max(0, pause.Seconds()))
}
