package reconcile

// What a reconcile does is laid in layers, each of which can call only what lies
// below it: the compiler keeps them apart.
type (
	// observer reads systems and store, and decides nothing.
	observer struct{ *session }
	// committer writes what a decision makes of what is stored.
	committer struct{ observer }
	// applier writes to systems, under a lease.
	applier struct{ committer }
	// work carries out what is planned for one record.
	work struct{ applier }
)

func newWork(s *session) work { return work{applier{committer{observer{s}}}} }
