package reconcile

import "time"

// Metrics is told what the engine does. It must be safe for concurrent use
// and quick. No argument ever holds a record's contents.
type Metrics interface {
	// Reconciled is one finished reconcile; outcome is "ok", "none", "parked",
	// "dead" or "error".
	Reconciled(route, outcome string, took time.Duration)
	// Decided is one new decision.
	Decided(route, template, action string)
	// Wrote is one write that a system answered; verb is "create", "update",
	// "comment" or "attach".
	Wrote(connector, verb string)
	// DeadLettered is one new dead letter.
	DeadLettered(route, reason string)
	// Noted is something seen while merging: "differs", "conflict".
	Noted(route, what string)
	// Polled is one finished poll.
	Polled(connector, record string, found int, err error)
}

// noMetrics is for engines that nobody watches.
type noMetrics struct{}

func (noMetrics) Reconciled(string, string, time.Duration) {}
func (noMetrics) Decided(string, string, string)           {}
func (noMetrics) Wrote(string, string)                     {}
func (noMetrics) DeadLettered(string, string)              {}
func (noMetrics) Noted(string, string)                     {}
func (noMetrics) Polled(string, string, int, error)        {}
