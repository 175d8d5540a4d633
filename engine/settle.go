package engine

import (
	"context"
	"fmt"

	"github.com/lockstep-sync/lockstep/rules"
)

// settle finds out what became of an intent whose answer nobody saw, from
// evidence; it is never replayed. What the merge then sees is as if the answer
// had come, or the request had not been sent.
func (w *work) settle(ctx context.Context, s *sending, decision rules.Decision) error {
	intent := s.next.Intent
	s.next.Intent = nil
	to := side(intent.Side)
	e := s.ends.of(to)
	d := w.engine.digest
	values := decision.Values
	if to == sourceSide {
		values = decision.Inbound
	}
	mappings, _, err := w.render(ctx, e, to, values, &Link{Fields: map[string]Agreement{}})
	if err != nil {
		return err
	}
	now := map[string]mapping{}
	for _, m := range mappings {
		now[m.name] = m
	}
	var done []write
	for name, sent := range intent.Fields {
		path := fieldPath(fieldOf(name))
		have := fieldAt(e.record, path)
		switch written, sure := e.evidence(intent, d.of(have) != sent.Was); {
		case !written && !sure:
			s.entry.Notes = append(s.entry.Notes, note{Field: shown(name), What: "unclear"})
			continue
		case !written:
			continue // the agreement stays, and the merge decides anew
		case !sure && d.of(have) != sent.Sent:
			s.entry.Notes = append(s.entry.Notes, note{Field: shown(name), What: "unclear"})
		}
		agreement := Agreement{From: sent.From, Have: sent.Sent, Expr: sent.Expr}
		if m, ok := now[name]; ok && d.of(m.want) == sent.From && m.ready {
			// What was sent is known still: what stands there is either what the
			// system made of it, or a later edit.
			if !e.writer.Same(e.ref.Record, m.field, m.send, have) {
				have = m.send
			}
			agreement.Have = d.of(have)
			done = append(done, write{mapping: m, value: have})
		}
		s.next.Fields[name] = agreement
	}
	as := *s.ends // as they were when the request was done
	for _, f := range done {
		*as.of(to) = as.of(to).with(f.mapping.path, f.value)
	}
	w.agreePartners(s, &as, done)
	if intent.State != nil {
		if written, _ := e.evidence(intent, fmt.Sprint(fieldAt(e.record, intent.StatePath)) != intent.StateWas); written {
			s.next.State = intent.State
		}
	}
	return nil
}

// evidence reports whether a request was carried out, by its stamp in the
// record or else by the version and whether the value changed; sure is false
// where somebody else may have written the same, or written it back.
func (e *end) evidence(intent *Intent, changed bool) (written, sure bool) {
	switch {
	case e.record.Stamp != "":
		return e.record.Stamp == intent.ID, true
	case e.record.Version == intent.ReadVersion:
		return false, true
	}
	return changed, false
}
