package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A sending is a merged update on its way.
type sending struct {
	ends     *plan.Ends
	link     links.Stored // as loaded
	next     *links.Link  // as it will be
	template *rules.Template
	parent   *rules.Parent
	writes   []plan.Write
	entry    journal.Entry

	revision uint64 // of the link as saved last
	saved    *links.Intent
	sent     bool // a request went out
	carried  bool // a comment or attachment went out
	refused  bool
	reopened bool // the source came back, and is to get a new ticket
	uneven   bool // something stands on one side alone, and is left there
}

// send writes to the target, then to the source: for each the intent is saved,
// sent, and what was agreed taken note of.
func (w *work) send(ctx context.Context, s *sending) (verdict, error) {
	if len(s.writes) > 0 {
		var err error
		if s.entry, err = w.keepLosers(ctx, s.entry); err != nil {
			return verdict{}, err
		}
	}
	for _, to := range []links.Side{links.Target, links.Source} {
		writes := slices.DeleteFunc(slices.Clone(s.writes), func(f plan.Write) bool { return f.Mapping.Side != to })
		v, err := w.sendTo(ctx, s, to, writes)
		if err != nil || v != nil {
			return w.unsent(ctx, s, v, err)
		}
	}
	if !s.uneven && !s.refused {
		s.see()
	}
	if err := w.saveAgreed(ctx, s); err != nil {
		return verdict{}, err
	}
	if at, paused := s.next.Resumes(w.engine.clock.Now()); paused {
		w.resumes = at
	}
	outcome := nothing
	if s.refused {
		outcome = deadEnded
	}
	if len(s.entry.Writes) == 0 && len(s.entry.Notes) == 0 && !s.refused {
		return outcome, nil
	}
	if len(s.entry.Writes) > 0 {
		outcome = settled
		w.log.Info("brought in step", "template", s.link.Template, "target", s.link.Target.String(), "fields", s.entry.Writes)
	}
	return outcome, w.journal(ctx, s.entry)
}

// unsent ends a send whose request to one side was not done, or whose answer
// nobody saw. What the other side was sent before is in the journal.
func (w *work) unsent(ctx context.Context, s *sending, v *verdict, failure error) (verdict, error) {
	if v == nil {
		var said *connectors.Error
		if !errors.As(failure, &said) && !errors.Is(failure, errNotAllowed) {
			return verdict{}, failure // the store's
		}
		// Certainly not done: nothing is under way.
		if err := w.saveAgreed(ctx, s); err != nil {
			return verdict{}, err
		}
		if isGone(failure) {
			failure = &connectors.Error{Class: connectors.ClassRetry, Op: "update", Record: said.Record, Message: "the record was gone between read and write", Err: failure}
		}
	}
	if len(s.entry.Writes) > 0 {
		if err := w.journal(ctx, s.entry); err != nil {
			return verdict{}, err
		}
	}
	if v != nil {
		return *v, nil
	}
	return verdict{}, failure
}

// saveAgreed saves the link if it is not what is stored.
func (w *work) saveAgreed(ctx context.Context, s *sending) error {
	if s.revision == s.link.Revision && sameLink(s.next, s.link.Link) {
		return nil
	}
	revision, err := w.engine.links.Save(ctx, s.next, s.revision)
	if err != nil {
		return err
	}
	s.revision = revision
	w.engine.step(ctx, StepAgreed)
	return nil
}

// sendTo writes to one side. A field that is refused is left out of the next
// try. A verdict means that nobody saw the answer; an error, that the request
// was certainly not done.
func (w *work) sendTo(ctx context.Context, s *sending, to links.Side, writes []plan.Write) (*verdict, error) {
	e := s.ends.Of(to)
	for len(writes) > 0 {
		if err := w.stillAllowed(ctx, s.sent); err != nil {
			return nil, err
		}
		spare, err := w.spare(ctx, s, to, writes)
		if err != nil {
			return nil, err
		}
		intent, fields := w.intentOf(e, to, writes)
		lease := w.newLease(func(ctx context.Context) error { return w.saveIntent(ctx, s, intent) })
		lease.unchanged = func(ctx context.Context) error { return w.unchanged(ctx, e) }
		if err := lease.take(ctx); err != nil {
			return nil, err
		}
		answer, err := breaker.Ask(w.guardOf(e), breaker.Kind("update", e.Ref.Record), func() (connectors.Record, error) {
			if err := lease.check(ctx); err != nil {
				return connectors.Record{}, err
			}
			return e.Writer().Update(connectors.WithLease(ctx, lease), connectors.Change{Ref: e.Ref, Stamp: intent.ID, Fields: fields, Spare: spare})
		})
		s.sent = true
		if err == nil {
			w.wrote(to, answer.Version)
			w.engine.step(ctx, StepSent)
			w.engine.metrics.Wrote(e.Ref.Connector, "update")
			if err := w.contest(ctx, s, e, writes, answer); err != nil {
				return nil, err
			}
			if err := w.agree(ctx, s, to, writes, answer); err != nil {
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
		if writes, err = w.leaveOut(ctx, s, writes, said); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// unchanged fails where a record is no longer what it was when it was decided
// what to write.
func (w *work) unchanged(ctx context.Context, e *plan.End) error {
	now, err := w.guardOf(e).Read(ctx, e.Ref)
	if err == nil && now.Version != e.Record.Version {
		err = fmt.Errorf("%w: %s was written meanwhile: %w", errNotAllowed, e.Ref, store.ErrConflict)
	}
	return err
}

// wrote takes note of the version that a write made.
func (w *work) wrote(to links.Side, version string) {
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
func (w *work) saveIntent(ctx context.Context, s *sending, intent *links.Intent) error {
	s.next.Intent = intent
	revision, err := w.engine.links.Save(ctx, s.next, s.revision)
	s.next.Intent = nil
	if err != nil {
		return err
	}
	s.revision, s.saved, w.underWay = revision, intent, true
	w.engine.step(ctx, StepIntentSaved)
	return nil
}

// answerLost leaves the saved intent and comes back when its request can no
// longer take effect.
func (w *work) answerLost(ctx context.Context, s *sending, verb string, failure error) (*verdict, error) {
	w.log.Warn("nobody saw the answer to a write; what became of it is settled later", "verb", verb, "error", breaker.Redact(failure))
	now := w.engine.clock.Now()
	under := s.next.Clone()
	under.Intent = s.saved
	dead := now.Add(w.patience(links.Stored{Link: under, At: now}, true, false))
	v, err := w.again(ctx, plan.Later(dead, now.Add(breaker.Jitter(breaker.Backoff(w.tries)))), "nobody ever saw the answer to the "+verb)
	return &v, err
}

// intentOf is what the next request to a side will carry.
func (w *work) intentOf(e *plan.End, to links.Side, writes []plan.Write) (*links.Intent, map[string]any) {
	intent := &links.Intent{ID: newStamp(), Side: string(to), ReadVersion: e.Record.Version, Fields: map[string]links.Sent{}}
	fields := map[string]any{}
	for _, f := range writes {
		fields[f.Mapping.Field] = f.Value
		if f.Mapping.State {
			intent.State, intent.StatePath, intent.StateWas = f.Agreed, f.Mapping.Path, fmt.Sprint(f.Was)
			continue
		}
		intent.Fields[f.Mapping.Name] = links.Sent{From: w.engine.digest.Of(f.Mapping.Want), Sent: w.engine.digest.Of(f.Value), Was: w.engine.digest.Of(f.Was), Expr: f.Mapping.Expr}
	}
	return intent, fields
}

// agree takes what the system answered as agreed. A field that still holds its
// value from before did not stick: nothing new was agreed, so that a retry
// writes it again.
func (w *work) agree(ctx context.Context, s *sending, to links.Side, writes []plan.Write, answer connectors.Record) error {
	e := s.ends.Of(to)
	d := w.engine.digest
	var held []plan.Write
	for _, f := range writes {
		name, field := f.Mapping.Name, f.Mapping.Field
		have := plan.FieldAt(answer, f.Mapping.Path)
		s.entry.Writes = append(s.entry.Writes, links.Label(name))
		now := links.Agreement{From: d.Of(f.Mapping.Want), Have: d.Of(have), Expr: f.Mapping.Expr}
		if now.Have == d.Of(f.Was) && !e.Writer().Same(e.Ref.Record, field, f.Value, have) {
			pair := d.Pair(now.From, now.Have)
			if f.Mapping.State {
				pair = f.Mapping.Pair
			}
			if err := w.refuse(ctx, s.next, name, pair, fieldFailure{links.Label(name), deadletter.ReasonDidNotStick, didNotStick(answer, field)}); err != nil {
				return err
			}
			continue
		}
		held = append(held, f)
		path := f.Mapping.Path
		if f.Mapping.State {
			path = path[:1] // the category moves with the state
		}
		*e = e.With(path, plan.FieldAt(answer, path))
		if !f.Mapping.State {
			s.next.Fields[name] = now
		}
		if s.next.ClearRefusal(name) {
			if err := w.engine.dead.Resolve(ctx, w.route.Name, w.source, links.Label(name)); err != nil {
				return err
			}
		}
	}
	if slices.ContainsFunc(held, func(f plan.Write) bool { return f.Mapping.State }) {
		w.agreeState(s)
		if to == links.Source {
			w.adoptFollowers(s)
		}
	}
	w.agreePartners(s, s.ends, held)
	return nil
}

// agreeState takes the states as agreed once one was written.
func (w *work) agreeState(s *sending) {
	from, to := w.standings(s.ends, *s.template.State)
	s.next.State = &links.StatePair{Source: from.Raw, SourceCategory: from.Category, Target: to.Raw, TargetCategory: to.Category}
}

// adoptFollowers agrees on what people wrote into the ticket when they moved
// it: a mapping that had nothing to say before the source followed (the notes
// of a resolution) must not put its own words over theirs.
func (w *work) adoptFollowers(s *sending) {
	d := w.engine.digest
	for _, v := range w.redecide(s, s.ends).Values {
		name := links.Outbound(v.Field)
		have := plan.FieldAt(s.ends.Target.Record, plan.FieldPath(v.Field))
		last, agreed := s.next.Fields[name]
		if !v.Once && v.Err == nil && v.Value != nil && agreed && last.From == d.Of(nil) && !plan.Empty(have) {
			s.next.Fields[name] = links.Agreement{From: d.Of(v.Value), Have: d.Of(have), Expr: v.Expr}
		}
	}
}

// redecide renders the mappings by the records as they are known.
func (w *work) redecide(s *sending, both *plan.Ends) rules.Decision {
	return w.askRules(rules.Input{
		Record: both.Source.Record, Linked: s.link.Template, LinkID: w.linkID, Parent: s.parent, Ticket: &both.Target.Record,
	})
}

// agreePartners sets the agreements of the partners of what was written: from
// the records as they were read, with only the written fields replaced by the
// answer's values.
func (w *work) agreePartners(s *sending, both *plan.Ends, writes []plan.Write) {
	if !slices.ContainsFunc(writes, func(f plan.Write) bool { return f.Mapping.Pair != "" && !f.Mapping.State }) {
		return
	}
	decision := w.redecide(s, both)
	for to, values := range map[links.Side][]rules.Value{links.Target: decision.Values, links.Source: decision.Inbound} {
		for _, v := range values {
			name, partner := links.Outbound(v.Field), links.Inbound(v.Pair)
			if to == links.Source {
				name, partner = links.Inbound(v.Field), links.Outbound(v.Pair)
			}
			// Of several that read what was written, each knows its partner, the
			// written one only one of them.
			reads := slices.ContainsFunc(writes, func(f plan.Write) bool {
				return !f.Mapping.State && (f.Mapping.Pair == name || v.Pair != "" && f.Mapping.Name == partner)
			})
			if !reads || v.Once || v.Err != nil {
				continue
			}
			have := both.Have(plan.Mapping{Side: to, Path: plan.FieldPath(v.Field)})
			s.next.Fields[name] = links.Agreement{From: w.engine.digest.Of(v.Value), Have: w.engine.digest.Of(have), Expr: v.Expr}
		}
	}
}

// leaveOut remembers what was refused, the field that the system named or
// else all of them, and returns what is left to send.
func (w *work) leaveOut(ctx context.Context, s *sending, writes []plan.Write, said *connectors.Error) ([]plan.Write, error) {
	d := w.engine.digest
	named := slices.ContainsFunc(writes, func(f plan.Write) bool { return f.Mapping.Field == said.Field })
	var left []plan.Write
	for _, f := range writes {
		if named && f.Mapping.Field != said.Field {
			left = append(left, f)
			continue
		}
		pair := d.Pair(d.Of(f.Mapping.Want), d.Of(f.Was))
		if f.Mapping.State {
			pair = f.Mapping.Pair
		}
		failure := fieldFailure{links.Label(f.Mapping.Name), codeOf(said, deadletter.ReasonRejected), said.Error()}
		if err := w.refuse(ctx, s.next, f.Mapping.Name, pair, failure); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// forgiveChanged forgets refusals of pairs that are no longer what they were;
// the write that may follow says anew whether they are refused.
func (w *work) forgiveChanged(ctx context.Context, next *links.Link, pairs map[string]string, dead map[string]bool) error {
	for _, r := range slices.Clone(next.Refused) {
		if dead[r.What] || pairs[r.What] == r.Pair {
			continue
		}
		next.ClearRefusal(r.What)
		if err := w.engine.dead.Resolve(ctx, w.route.Name, w.source, links.Label(r.What)); err != nil {
			return err
		}
	}
	return nil
}

// refuse remembers a refusal in the link and buries it, if it is a new one.
func (w *work) refuse(ctx context.Context, link *links.Link, name, pair string, f fieldFailure) error {
	if !w.reject(link, name, pair, f) {
		return nil
	}
	return w.bury(ctx, f.reason, links.Label(name), f.message)
}

// reject remembers a refusal in the link, and reports whether it is a new one.
func (w *work) reject(link *links.Link, name, pair string, f fieldFailure) bool {
	if r, ok := link.Refusal(name); ok && r.Pair == pair {
		return false
	}
	link.Refuse(links.Refusal{What: name, Pair: pair, Code: f.reason, At: w.engine.clock.Now().UTC()})
	return true
}
