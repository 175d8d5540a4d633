// Package reconcile brings one record in step on one route: observe, plan,
// apply. The types of layers.go are laid one on the other, and each can call only
// what lies below it:
//
//   - observer reads systems and store. A dry run (dryrun.go) is in it alone, and so
//     cannot write.
//   - engine/plan decides, and is pure. What it does not know it asks for, and is
//     asked again (planned in update.go).
//   - committer writes what a decision makes of what is stored: commit.go knows the
//     one order of dead letters, purge, link, index, journal and mark.
//   - sender writes to systems, under a lease (lease.go, send.go). Nothing else does
//     but the creation in create.go and the transfers in items.go.
//   - transfers carries comments, attachments and links; lifecycle ends what is
//     private, gone, deleted or superseded; opening opens a ticket or finds it.
//
// Workers take what is queued, within a budget of computing.
package reconcile
