// Package engine keeps records in step: for every record that may have
// changed it asks what each side should be, what it is and what both last
// agreed on, and writes the difference. It is level-triggered: no step depends
// on seeing every event, and what is on its way is saved before it is sent, so
// that a crash anywhere costs a look and never a ticket.
//
// It knows the rules and the connectors' contract, no system by name, and
// keeps everything through the small interfaces of engine/store. The protocol
// that it follows is in README.md; comments name the rule that they keep.
//
// # Where things are
//
// A reconcile is observe, plan, apply: engine/reconcile reads both records and
// writes, engine/plan decides and is pure. Engine.Plan is the first two of them.
//
// Around it, each a type or a package with a small face:
//
//   - engine/links: the link document, its digests, its repository
//   - engine/journal, engine/deadletter: what was decided, and what cannot be done;
//     both keep contents of private records out, whoever calls them
//   - engine/breaker: how connectors do, who waits for them, pauses of retries
//   - engine/store: the interfaces that engine/jetstream and engine/memory fulfil
//   - engine/queue: which record is worked on next
//   - engine/pauses: which routes write nothing for now
//   - engine/intake: what webhooks and polls tell, how far routes and polls have come,
//     other daemons
//   - losses: what the store has lost
//   - engine/names: what people mean by the names they type
//   - operations: what people and status pages ask for; inquiries: the same by names
//
// Where to change what:
//
//   - the pauses of retries: engine/breaker/backoff.go
//   - a row of the merge: engine/plan/merge.go
//   - what becomes of a record without a ticket, of its claim and of the ticket that
//     is found: engine/plan/opening.go and confirm.go
//   - whether a ticket is opened at all: rules/decide.go and rules.Route.Admits; when,
//     and whether one exists already: engine/plan/opening.go
//   - what happens when an incident turns private: engine/plan/life.go says when a link
//     is stopped, linked.go and opening.go what goes with it, links.Link.DropContents
//     what of the document; engine/reconcile/open.go and commit.go carry it out
//   - when a record counts as deleted: engine/absence judges, engine/plan/life.go and
//     linked.go decide
//   - what is decided again when a parent changes: engine/reconcile/children.go
//   - what becomes of a request whose answer was lost: engine/plan/underway.go and
//     settle.go; of a creation: unsettled.go
//   - which comments and attachments are carried: engine/plan/items.go
//   - the one place that sends anything to a system: engine/reconcile/apply.go
//   - the order of writes: engine/reconcile/commit.go (what is stored), apply.go (what
//     is done around a request), lease.go (who may send)
//   - the stored format of a dead letter: engine/deadletter; of a link:
//     engine/links/link.go; of the journal: engine/journal
//   - a metric: engine/reconcile/metrics.go and daemon/metrics.go; of calls to systems:
//     connectors.Observer; a gauge of what is stored: daemon/collector.go
//   - how a poll finds its window: connectors/polling; how wide it is: poll.go of each
//     connector; where it begins and where its cursor is kept: engine/intake
//   - a command of rule tests: engine/ruletest/commands.go; the text of a load error:
//     the stage of rules that finds it (rules/doc.go)
//   - what a broken file does at reload: daemon/reload.go
package engine
