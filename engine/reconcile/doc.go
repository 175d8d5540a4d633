// Package reconcile brings one record in step on one route: observe, plan,
// apply. engine/plan is asked what to do; it answers with operations, or with
// the evidence that it needs first, and is asked again (planned in observe.go,
// the only such loop). The types of layers.go are laid one on the other, and each
// can call only what lies below it:
//
//   - observer reads systems and store, and decides nothing: observe.go, parents.go,
//     list.go. A dry run (dryrun.go) is in it alone, and so cannot write.
//   - committer writes what an operation makes of what is stored: commit.go knows
//     the one order of dead letters, purge, link, index, journal and mark. An intent
//     is saved by it as well.
//   - applier writes to systems: apply.go does around every request whatever belongs
//     to one, and alone has the interfaces that write (a test holds that). lease.go
//     says who may send, private.go whether the record still allows it.
//   - work carries plans out: open.go for a record without a ticket, keep.go and
//     write.go for a link.
//
// Workers take what is queued, within a budget of computing.
package reconcile
