package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// keepInStep brings an existing ticket up to date with its source.
func (w *work) keepInStep(ctx context.Context, link stored) (verdict, error) {
	template := w.config.Set.Templates[link.Template]
	guard, target, err := w.targetOf(link.Target.Collection)
	if err != nil {
		return verdict{}, err
	}
	if link.Intent != nil {
		if dead := link.at.Add(w.patience(link, false)); w.engine.clock.Now().Before(dead) {
			return w.waitUntil(dead), nil // somebody may be at it
		}
	}

	// The target first and the source last, so that privacy is as fresh as can
	// be when something is sent.
	var ticket connectors.Record
	if link.Phase != Stopped {
		ticket, err = guard.read(ctx, *link.Target)
		if isGone(err) {
			return w.missing(ctx, link, "target", Gone)
		}
		if err != nil {
			return verdict{}, err
		}
	}
	record, err := w.readSource(ctx)
	if isGone(err) {
		return w.missing(ctx, link, "source", Detached)
	}
	if err != nil {
		return verdict{}, err
	}
	if record.Private && !w.route.Private && !template.Lifecycle.KeepPrivate {
		if link.Phase == Stopped {
			return nothing, nil
		}
		return w.stop(ctx, link)
	}
	if link.Phase == Stopped { // public again: read what was not read above
		ticket, err = guard.read(ctx, *link.Target)
		if isGone(err) {
			return w.missing(ctx, link, "target", Gone)
		}
		if err != nil {
			return verdict{}, err
		}
	}
	next := link.clone()
	next.Phase, next.Missing, next.Number, next.URL = Active, nil, ticket.Number, ticket.URL

	decision, _, err := w.decide(ctx, record, link.Template)
	if err != nil {
		return verdict{}, err
	}
	entry := w.entryOf(decision)
	entry.Target = *link.Target
	if link.Intent != nil {
		entry.Notes = append(entry.Notes, w.settle(next, ticket)...)
	}
	if decision.Action != rules.Update {
		w.log.Warn("its template decides nothing", "template", link.Template, "reason", decision.Reason)
		return nothing, nil
	}
	in, dead, err := w.mergeInput(ctx, guard, target, next, ticket, decision)
	if err != nil {
		return verdict{}, err
	}
	merged := merge(in)
	for name, agreement := range next.Fields { // mappings that failed, or that the template no longer has
		if _, ok := merged.agreed[name]; !ok && (dead[name] || !strings.HasPrefix(name, outbound(""))) {
			merged.agreed[name] = agreement
		}
	}
	next.Fields = merged.agreed
	if err := w.forgiveChanged(ctx, next, in, dead); err != nil {
		return verdict{}, err
	}
	entry.Notes = append(entry.Notes, merged.notes...)
	return w.send(ctx, sending{
		guard: guard, target: target, link: link, next: next, ticket: ticket, writes: merged.writes, entry: entry,
	})
}

// mergeInput renders what the merge looks at. Mappings that fail are skipped,
// remembered and become dead letters, once per value of the source.
func (w *work) mergeInput(ctx context.Context, g *guard, target connectors.Target, link *Link, ticket connectors.Record, decision rules.Decision) (mergeInput, map[string]bool, error) {
	d := w.engine.digest
	var needed []rules.Value
	mappings := make([]mapping, 0, len(decision.Values))
	for _, v := range decision.Values {
		if v.Once {
			continue
		}
		m := mapping{name: outbound(v.Field), field: v.Field, expr: v.Expr, want: v.Value}
		last, agreed := link.Fields[m.name]
		if v.Err != nil || changed(m, last, agreed, d) {
			needed = append(needed, v)
		}
		if v.Err == nil {
			mappings = append(mappings, m)
		}
	}
	send, failed, err := w.resolve(ctx, g, target, link.Target.Record, needed)
	if err != nil {
		return mergeInput{}, nil, err
	}
	dead := map[string]bool{}
	for _, f := range failed {
		name := outbound(f.field)
		dead[name] = true
		if err := w.refuse(ctx, link, name, d.pair(f.reason, wantOf(decision.Values, f, d)), f); err != nil {
			return mergeInput{}, nil, err
		}
	}
	mappings = slices.DeleteFunc(mappings, func(m mapping) bool { return dead[m.name] })
	for i, m := range mappings {
		if m.send = send[m.field]; slices.ContainsFunc(needed, func(v rules.Value) bool { return v.Field == m.field }) {
			m.ready = true
		}
		mappings[i] = m
	}
	return mergeInput{
		mappings: mappings,
		agreed:   link.Fields,
		refused: func(name, pair string) bool {
			r, ok := link.refusal(name)
			return ok && r.Pair == pair
		},
		have:     ticket.Fields,
		conflict: w.config.Set.Templates[decision.Template].Conflict,
		same: func(field string, want, have any) bool {
			return target.Same(link.Target.Record, field, want, have)
		},
		digest: d,
	}, dead, nil
}

// wantOf tells one failure of a mapping from another: by the value that could
// not be resolved, for what a system says differs from time to time, or by
// what the rules said where there is no value.
func wantOf(values []rules.Value, f fieldFailure, d digester) string {
	for _, v := range values {
		if v.Field == f.field && v.Err == nil {
			return d.of(v.Value)
		}
	}
	return f.message
}

// forgiveChanged forgets refusals of pairs that are no longer what they were;
// the write that may follow says anew whether they are refused.
func (w *work) forgiveChanged(ctx context.Context, next *Link, in mergeInput, dead map[string]bool) error {
	pairs := map[string]string{}
	for _, m := range in.mappings {
		pairs[m.name] = in.digest.pair(in.digest.of(m.want), in.digest.of(in.have[m.field]))
	}
	for _, r := range slices.Clone(next.Refused) {
		if dead[r.What] || pairs[r.What] == r.Pair {
			continue
		}
		next.forgive(r.What)
		if err := w.engine.exhume(ctx, w.route.Name, w.source, fieldOf(r.What)); err != nil {
			return err
		}
	}
	return nil
}

// refuse remembers a refusal in the link and buries it, if it is a new one.
func (w *work) refuse(ctx context.Context, link *Link, name, pair string, f fieldFailure) error {
	if r, ok := link.refusal(name); ok && r.Pair == pair {
		return nil
	}
	link.refuse(Refusal{What: name, Pair: pair, Code: f.reason, At: w.engine.clock.Now().UTC()})
	return w.bury(ctx, f.reason, f.field, f.message)
}

// A sending is a merged update on its way.
type sending struct {
	guard  *guard
	target connectors.Target
	link   stored // as loaded
	next   *Link  // as it will be
	ticket connectors.Record
	writes []write
	entry  JournalEntry
}

// send saves the intent, sends it and saves what was agreed. A field that is
// refused is left out of the next try.
func (w *work) send(ctx context.Context, s sending) (verdict, error) {
	if len(s.writes) > 0 {
		var err error
		if s.entry, err = w.keepLosers(ctx, s.entry); err != nil {
			return verdict{}, err
		}
	}
	s.next.Intent = nil
	revision := s.link.revision
	var failure error
	refusedAny := false
	for len(s.writes) > 0 {
		if failure = w.stillAllowed(ctx, refusedAny); failure != nil {
			break
		}
		lease := w.engine.newLease()
		intent, fields := w.intentOf(s)
		s.next.Intent = intent
		saved, err := w.engine.saveLink(ctx, s.next, revision)
		if err != nil {
			return verdict{}, err
		}
		revision, s.next.Intent = saved, nil
		w.engine.step(StepIntentSaved)
		answer, err := ask(s.guard, "update", func() (connectors.Record, error) {
			if !lease.good() {
				return connectors.Record{}, lease.expired()
			}
			return s.target.Update(lease.bind(ctx), connectors.Change{Ref: *s.link.Target, Stamp: intent.ID, Fields: fields})
		})
		if err == nil {
			w.engine.step(StepSent)
			w.engine.metrics.Wrote(s.link.Target.Connector, "update")
			if err := w.agree(ctx, &s, answer); err != nil {
				return verdict{}, err
			}
			s.writes = nil
			break
		}
		var said *connectors.Error
		if !errors.As(err, &said) || said.Class == connectors.ClassUnclear {
			w.log.Warn("nobody saw the answer to an update; what became of it is settled later", "error", plain(err))
			now := w.engine.clock.Now()
			dead := now.Add(w.patience(stored{Link: s.next, at: now}, false))
			return w.again(ctx, later(dead, now.Add(jitter(backoff(w.tries)))), "nobody ever saw the answer to an update")
		}
		if said.Class != connectors.ClassRejected {
			failure = err // certainly not done
			break
		}
		refusedAny = true
		if s.writes, err = w.leaveOut(ctx, s, said); err != nil {
			return verdict{}, err
		}
	}
	if revision != s.link.revision || !sameLink(s.next, s.link.Link) {
		if _, err := w.engine.saveLink(ctx, s.next, revision); err != nil {
			return verdict{}, err
		}
		w.engine.step(StepAgreed)
	}
	if failure != nil {
		if isGone(failure) {
			failure = &connectors.Error{Class: connectors.ClassRetry, Op: "update", Record: s.link.Target.String(), Message: "the ticket was gone between read and write", Err: failure}
		}
		return verdict{}, failure
	}
	outcome := nothing
	if refusedAny {
		outcome = deadEnded
	}
	if len(s.entry.Writes) == 0 && len(s.entry.Notes) == 0 && !refusedAny {
		return outcome, nil
	}
	if len(s.entry.Writes) > 0 {
		outcome = settled
		w.log.Info("updated a ticket", "template", s.link.Template, "target", s.link.Target.String(), "fields", s.entry.Writes)
	}
	return outcome, w.journal(ctx, s.entry)
}

// intentOf is what the next request will carry.
func (w *work) intentOf(s sending) (*Intent, map[string]any) {
	intent := &Intent{ID: newStamp(), Side: "target", ReadVersion: s.ticket.Version, Fields: map[string]Sent{}}
	fields := map[string]any{}
	for _, f := range s.writes {
		fields[f.mapping.field] = f.value
		intent.Fields[f.mapping.name] = Sent{
			From: w.engine.digest.of(f.mapping.want),
			Sent: w.engine.digest.of(f.value),
			Was:  w.engine.digest.of(f.was),
			Expr: f.mapping.expr,
		}
	}
	return intent, fields
}

// agree takes what the system answered as agreed. A field that still holds its
// value from before did not stick: nothing new was agreed, so that a retry
// writes it again.
func (w *work) agree(ctx context.Context, s *sending, answer connectors.Record) error {
	for _, f := range s.writes {
		name, field := f.mapping.name, f.mapping.field
		have := answer.Fields[field]
		now := Agreement{From: w.engine.digest.of(f.mapping.want), Have: w.engine.digest.of(have), Expr: f.mapping.expr}
		s.entry.Writes = append(s.entry.Writes, field)
		if now.Have == w.engine.digest.of(f.was) && !s.target.Same(s.link.Target.Record, field, f.value, have) {
			failure := fieldFailure{field, ReasonDidNotStick, didNotStick(answer, field)}
			if err := w.refuse(ctx, s.next, name, w.engine.digest.pair(now.From, now.Have), failure); err != nil {
				return err
			}
			continue
		}
		s.next.Fields[name] = now
		if s.next.forgive(name) {
			if err := w.engine.exhume(ctx, w.route.Name, w.source, field); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaveOut remembers what was refused, the field that the system named or
// else all of them, and returns what is left to send.
func (w *work) leaveOut(ctx context.Context, s sending, said *connectors.Error) ([]write, error) {
	named := slices.ContainsFunc(s.writes, func(f write) bool { return f.mapping.field == said.Field })
	var left []write
	for _, f := range s.writes {
		if named && f.mapping.field != said.Field {
			left = append(left, f)
			continue
		}
		pair := w.engine.digest.pair(w.engine.digest.of(f.mapping.want), w.engine.digest.of(f.was))
		failure := fieldFailure{f.mapping.field, codeOf(said, ReasonRejected), said.Error()}
		if err := w.refuse(ctx, s.next, f.mapping.name, pair, failure); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// sameLink reports whether two links are the same document.
func sameLink(a, b *Link) bool {
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && bytes.Equal(one, two)
}
