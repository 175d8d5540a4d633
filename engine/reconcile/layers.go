package reconcile

// What a reconcile does is laid in rooms, each of which can call only what lies
// below it: the compiler keeps them apart.
type (
	// observer reads systems and store, and decides nothing.
	observer struct{ *session }
	// committer writes what a decision makes of what is stored.
	committer struct{ observer }
	// sender writes to systems, under a lease, and takes their answers as agreed.
	sender struct{ committer }
	// transfers carries comments, attachments and links to the other side.
	transfers struct{ sender }
	// lifecycle ends what is private, gone, deleted or superseded.
	lifecycle struct{ transfers }
	// opening opens a ticket, or finds the one that was opened.
	opening struct{ lifecycle }
	// work goes through all of it for one record.
	work struct{ opening }
)

func newWork(s *session) work {
	return work{opening{lifecycle{transfers{sender{committer{observer{s}}}}}}}
}
