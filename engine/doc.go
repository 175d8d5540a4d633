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
// A reconcile is observe, plan, apply. The types of rooms.go are laid one on
// the other, and each can call only what lies below it:
//
//   - observer reads systems and store. Engine.Plan runs in it alone, and so
//     cannot write.
//   - engine/plan decides, and is pure: the merge, the states, the life of a link,
//     what follows from an answer, what became of a request whose answer nobody
//     saw. What it does not know it asks for, and is asked again (planned in
//     update.go).
//   - committer writes what a decision makes of what is stored: commit.go knows the
//     one order of dead letters, purge, link, index, journal and mark.
//   - sender writes to systems, under a lease (lease.go, send.go). Nothing else does
//     but the creation in create.go and the transfers in items.go.
//   - transfers carries comments, attachments and links; lifecycle ends what is
//     private, gone, deleted or superseded; opening opens a ticket or finds it.
//
// Around it, each a type or a package with a small face:
//
//   - engine/links: the link document, its digests, its repository
//   - engine/journal, engine/deadletter: what was decided, and what cannot be done;
//     both keep contents of private records out, whoever calls them
//   - engine/breaker: how connectors do, who waits for them, pauses of retries
//   - engine/store: the interfaces that engine/jetstream and engine/memory fulfil
//   - engine/queue: which record is worked on next; budget.go: for how long
//   - poller, subscriptions, daemons, losses: cursors of polls, places in the stream
//     of hints, other daemons, what the store has lost
//   - operations: what people and status pages ask for
//
// Where to change what:
//
//   - the pauses of retries: engine/breaker/backoff.go
//   - a row of the merge: engine/plan/merge.go
//   - what happens when an incident turns private: engine/plan/life.go decides,
//     private.go and commit.go carry it out
//   - the order of writes: commit.go (what is stored) and send.go (what is sent)
//   - the stored format of a dead letter: engine/deadletter; of a link:
//     engine/links/link.go; of the journal: engine/journal
//   - a metric: metrics.go
//   - how a poll finds its window: poll.go and cursors.go
package engine
