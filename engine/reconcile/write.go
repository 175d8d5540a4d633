package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// A lostError is a request whose answer was lost: nobody knows whether it took
// effect.
type lostError struct {
	verb string
	error
}

func (e *lostError) Unwrap() error { return e.error }

// write sends fields to one side. A field that is refused is left out of the next
// try.
func (w work) write(ctx context.Context, x *exchange, op plan.Operation) error {
	if losers, rest := losersOf(x.entry); losers != nil && len(op.Writes) > 0 {
		if err := w.commit(ctx, change{entry: losers}); err != nil {
			return err
		}
		x.entry = rest
	}
	e, writes := x.Endpoints.Of(op.Side), op.Writes
	for len(writes) > 0 {
		intent, fields := x.Intent(newStamp(), op.Side, writes)
		lease := w.newLease(func(ctx context.Context) error { return w.saveIntent(ctx, x, intent) })
		lease.unchanged = func(ctx context.Context) error { return w.unchanged(ctx, e) }
		var left []plan.Write
		what, err := w.apply(ctx, request{
			to: w.breakerOf(e), verb: "update", record: e.Ref.Record, step: StepSent, lease: lease,
			change: &connectors.Change{Ref: e.Ref, Stamp: intent.ID, Fields: fields, TransitionFields: op.Moving},
			answered: func(ctx context.Context, got answer) (change, error) {
				return w.written(ctx, x, op.Side, writes, got.record)
			},
			refused: func(said *connectors.Error) (follows change) {
				x.refused = true
				left, follows.letters = x.LeaveOut(writes, said)
				return follows
			},
		})
		switch {
		case what == lost:
			return &lostError{"update", err}
		case what != refused, err != nil:
			return err
		}
		writes = left
	}
	return nil
}

// written takes what a side answered as agreed.
func (w work) written(ctx context.Context, x *exchange, to links.Side, writes []plan.Write, got connectors.Record) (change, error) {
	e := x.Endpoints.Of(to)
	w.wrote(to, got.Version)
	x.Now = w.engine.Clock.Now()
	letters := x.Contested(to, writes, got, func(since time.Time) []connectors.FieldChange {
		changes, _, err := w.history(ctx, e, since)
		if err != nil {
			return nil
		}
		return changes
	})
	x.refused = x.refused || len(letters) > 0
	agreed := x.Agree(to, writes, got)
	x.entry.Writes = append(x.entry.Writes, agreed.Wrote...)
	notes, err := w.overlapped(ctx, e, writes, got)
	if err != nil {
		// What was done is done, and agreed. The journal says what is not known.
		notes = []plan.Note{{What: plan.NoteMayOverlap, Side: to}}
	}
	x.entry.Notes = append(x.entry.Notes, notes...)
	e.Record.Version, e.Record.UpdatedAt = got.Version, got.UpdatedAt
	return change{recovered: agreed.Recovered, letters: append(letters, agreed.Letters...)}, nil
}

// overlapped looks for what somebody wrote between the read of a side and the
// write that answer is the answer to (section 6 of the protocol).
func (w observer) overlapped(ctx context.Context, e *plan.Endpoint, writes []plan.Write, answer connectors.Record) ([]plan.Note, error) {
	next, known := e.Follows(answer)
	if known && next {
		return nil, nil
	}
	changes, remembers, err := w.history(ctx, e, e.Record.UpdatedAt)
	if err != nil {
		return nil, err
	}
	return plan.Overlaps(writes, changes, remembers, known, w.engine.Clock.Now(), w.engine.Digest), nil
}

// carry carries the items of one transfer to the other side, one by one (rule 3.9).
func (w work) carry(ctx context.Context, x *exchange, ops []plan.Operation) error {
	verb := string(ops[0].Kind)
	e, from := x.Endpoints.Of(ops[0].Side), x.Endpoints.Of(links.Other(ops[0].Side))
	var lent *lease
	for i, op := range ops {
		if lent == nil || !lent.within(leaseTime/2) {
			intent := &links.Intent{ID: newStamp(), Side: string(op.Side), ReadVersion: e.Record.Version, Fields: map[string]links.Sent{}}
			for _, left := range ops[i:] {
				intent.Items = append(intent.Items, left.Item.ID())
			}
			lent = w.newLease(func(ctx context.Context) error { return w.saveIntent(ctx, x, intent) })
		}
		what, err := w.apply(ctx, request{
			to: w.breakerOf(e), verb: verb, step: StepCarried, lease: lent, item: op.Item, into: e.Record, from: from,
			answered: func(_ context.Context, got answer) (change, error) {
				x.carried = true
				recovered := x.Carried(op.Item, got.posted)
				x.entry.Writes = append(x.entry.Writes, op.Item.Transfer)
				return change{recovered: recovered}, nil
			},
			refused: func(said *connectors.Error) change {
				x.refused = true
				return change{letters: x.NotCarried(op.Item, said)}
			},
		})
		switch {
		case what == lost:
			if err := w.narrow(ctx, x, op.Item); err != nil {
				return err
			}
			return &lostError{verb, err}
		case err != nil:
			return err
		}
	}
	return nil
}

// narrow leaves under way, of the items of an intent, the one whose answer was lost:
// the others were answered or never sent.
func (w work) narrow(ctx context.Context, x *exchange, it *plan.Item) error {
	if len(x.saved.Items) == 1 {
		return nil
	}
	alone := *x.saved
	alone.Items, alone.ReadVersion = []string{it.ID()}, x.Endpoints.Of(links.Side(x.saved.Side)).Record.Version
	return w.saveIntent(ctx, x, &alone)
}

// unchanged fails where a record is no longer what it was when it was decided
// what to write.
func (w applier) unchanged(ctx context.Context, e *plan.Endpoint) error {
	now, err := w.breakerOf(e).Read(ctx, e.Ref)
	if err == nil && now.Version != e.Record.Version {
		err = fmt.Errorf("%w: %s was written meanwhile: %w", errNotAllowed, e.Ref, store.ErrConflict)
	}
	return err
}

// wrote takes note of the version that a write made.
func (w *session) wrote(to links.Side, version string) {
	if version == "" {
		return
	}
	w.budget.saw(func(v *links.Versions) {
		if to == links.Source {
			v.Source = version
		} else {
			v.Target = version
		}
	})
}

// saveIntent saves what is about to be sent. The saved intent is the lease:
// nobody else acts until it is dead (rule 3.7).
func (w work) saveIntent(ctx context.Context, x *exchange, intent *links.Intent) error {
	x.Link.Intent = intent
	err := w.commit(ctx, change{link: x.Link, step: StepIntentSaved})
	x.Link.Intent = nil
	if err == nil {
		x.saved, w.underWay = intent, true
	}
	return err
}

// answerLost leaves the saved intent and looks at once what became of its request
// (rule 3.3).
func (w work) answerLost(ctx context.Context, verb string) (result, error) {
	return w.retryAt(ctx, w.engine.Clock.Now(), "the answer was lost to the "+verb)
}

// newStamp returns the id of one write, short enough for any system's field.
func newStamp() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails
	return "ls-" + hex.EncodeToString(b)
}
