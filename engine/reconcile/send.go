package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// A sending is an update on its way: what is known of both records, and how far
// it has come. Its Link is the link as it will be.
type sending struct {
	*plan.Observation
	link   links.Stored // as loaded
	writes []plan.Write
	entry  journal.Entry

	revision uint64 // of the link as saved last
	saved    *links.Intent
	sent     bool // a request went out
	carried  bool // a comment or attachment went out
	refused  bool
	diverged bool // something stands on one side alone, and is left there
}

// send writes to the target, then to the source: for each the intent is saved,
// sent, and what was agreed taken note of (rule 3.8).
func (w sender) send(ctx context.Context, s *sending) (result, error) {
	if len(s.writes) > 0 {
		var err error
		if s.entry, err = w.keepLosers(ctx, s.entry); err != nil {
			return result{}, err
		}
	}
	for _, to := range []links.Side{links.Target, links.Source} {
		writes := slices.DeleteFunc(slices.Clone(s.writes), func(f plan.Write) bool { return f.Mapping.Side != to })
		v, err := w.sendTo(ctx, s, to, writes)
		if err != nil || v != nil {
			return w.unsent(ctx, s, v, err)
		}
	}
	if !s.diverged && !s.refused {
		s.see()
	}
	if err := w.saveAgreed(ctx, s); err != nil {
		return result{}, err
	}
	if at, paused := s.Link.Resumes(w.engine.Clock.Now()); paused {
		w.resumes = at
	}
	outcome := resultNone
	if s.refused {
		outcome = resultDead
	}
	if len(s.entry.Writes) == 0 && len(s.entry.Notes) == 0 && !s.refused {
		return outcome, nil
	}
	if len(s.entry.Writes) > 0 {
		outcome = resultOK
		w.log.Info("synced", "template", s.link.Template, "target", s.link.Target.String(), "fields", s.entry.Writes)
	}
	return outcome, w.journal(ctx, s.entry)
}

// unsent ends a send whose request to one side was not done, or whose answer
// was lost. What the other side was sent before is in the journal.
func (w sender) unsent(ctx context.Context, s *sending, v *result, failure error) (result, error) {
	if v == nil {
		var said *connectors.Error
		if !errors.As(failure, &said) && !errors.Is(failure, errNotAllowed) {
			return result{}, failure // the store's
		}
		// Certainly not done: nothing is under way.
		if err := w.saveAgreed(ctx, s); err != nil {
			return result{}, err
		}
		if isGone(failure) {
			failure = &connectors.Error{Class: connectors.ClassRetry, Op: "update", Record: said.Record, Message: "the record was gone between read and write", Err: failure}
		}
	}
	if len(s.entry.Writes) > 0 {
		if err := w.journal(ctx, s.entry); err != nil {
			return result{}, err
		}
	}
	if v != nil {
		return *v, nil
	}
	return result{}, failure
}

// saveAgreed saves the link if it is not what is stored.
func (w sender) saveAgreed(ctx context.Context, s *sending) error {
	if s.revision == s.link.Revision && sameLink(s.Link, s.link.Link) {
		return nil
	}
	revision, err := w.engine.Repo.Save(ctx, s.Link, s.revision)
	if err != nil {
		return err
	}
	s.revision = revision
	w.engine.step(ctx, StepAgreed)
	return nil
}

// sendTo writes to one side. A field that is refused is left out of the next
// try. A result means that the answer was lost; an error, that the request
// was certainly not done.
func (w sender) sendTo(ctx context.Context, s *sending, to links.Side, writes []plan.Write) (*result, error) {
	e := s.Ends.Of(to)
	for len(writes) > 0 {
		if err := w.stillAllowed(ctx, s.sent); err != nil {
			return nil, err
		}
		transition, err := w.transitionFields(ctx, s, writes)
		if err != nil {
			return nil, err
		}
		intent, fields := s.Intent(newStamp(), to, writes)
		lease := w.newLease(func(ctx context.Context) error { return w.saveIntent(ctx, s, intent) })
		lease.unchanged = func(ctx context.Context) error { return w.unchanged(ctx, e) }
		if err := lease.take(ctx); err != nil {
			return nil, err
		}
		answer, err := breaker.Ask(w.breakerOf(e), breaker.Kind("update", e.Ref.Record), func() (connectors.Record, error) {
			if err := lease.check(ctx); err != nil {
				return connectors.Record{}, err
			}
			return e.Writer().Update(connectors.WithLease(ctx, lease), connectors.Change{Ref: e.Ref, Stamp: intent.ID, Fields: fields, TransitionFields: transition})
		})
		s.sent = true
		if err == nil {
			w.wrote(to, answer.Version)
			w.engine.step(ctx, StepSent)
			w.engine.Metrics.Wrote(e.Ref.Connector, "update")
			if err := w.contest(ctx, s, e, writes, answer); err != nil {
				return nil, err
			}
			agreed := s.Agree(to, writes, answer)
			s.entry.Writes = append(s.entry.Writes, agreed.Wrote...)
			if err := w.settleLetters(ctx, agreed.Recovered, agreed.Letters); err != nil {
				return nil, err
			}
			notes, err := w.overlapped(ctx, e, writes, answer)
			if err != nil {
				// What was done is done, and agreed. The journal says what is not known.
				notes = []plan.Note{{What: plan.NoteMayOverlap, Side: to}}
			}
			s.entry.Notes = append(s.entry.Notes, notes...)
			e.Record.Version, e.Record.UpdatedAt = answer.Version, answer.UpdatedAt
			return nil, nil
		}
		var said *connectors.Error
		if !errors.As(err, &said) || said.Class == connectors.ClassUnclear {
			return w.answerLost(ctx, s, "update", err)
		}
		if said.Class != connectors.ClassRejected {
			return nil, err
		}
		s.refused = true
		var letters []plan.Failure
		writes, letters = s.LeaveOut(writes, said)
		if err := w.commit(ctx, change{letters: letters}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// unchanged fails where a record is no longer what it was when it was decided
// what to write.
func (w sender) unchanged(ctx context.Context, e *plan.End) error {
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
// nobody else acts until it is dead.
func (w sender) saveIntent(ctx context.Context, s *sending, intent *links.Intent) error {
	s.Link.Intent = intent
	revision, err := w.engine.Repo.Save(ctx, s.Link, s.revision)
	s.Link.Intent = nil
	if err != nil {
		return err
	}
	s.revision, s.saved, w.underWay = revision, intent, true
	w.engine.step(ctx, StepIntentSaved)
	return nil
}

// answerLost leaves the saved intent and comes back when its request can no
// longer take effect (rule 3.3).
func (w sender) answerLost(ctx context.Context, s *sending, verb string, failure error) (*result, error) {
	w.log.Warn("write outcome unknown; it is settled later", "verb", verb, "error", breaker.Redact(failure))
	now := w.engine.Clock.Now()
	under := s.Link.Clone()
	under.Intent = s.saved
	dead := now.Add(w.mayTake(links.Stored{Link: under, At: now}, true, false))
	v, err := w.retryAt(ctx, plan.Later(dead, now.Add(breaker.Jitter(breaker.Backoff(w.tries)))), "the answer was lost to the "+verb)
	return &v, err
}

// refuse remembers a refusal in the link, with a dead letter if it is a new one.
func (w sender) refuse(ctx context.Context, s *sending, name, pair string, f plan.Failure) error {
	if !s.Reject(s.Link, name, pair, f.Reason) {
		return nil
	}
	return w.giveUp(ctx, f.Reason, links.Label(name), f.Message)
}
