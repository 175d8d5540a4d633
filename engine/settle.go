package engine

import (
	"context"
	"fmt"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// settle finds out what became of an intent whose answer nobody saw, from
// evidence; it is never replayed. What the merge then sees is as if the answer
// had come, or the request had not been sent.
func (w *work) settle(ctx context.Context, s *sending, decision rules.Decision) error {
	intent := s.next.Intent
	s.next.Intent = nil
	to := links.Side(intent.Side)
	e := s.ends.of(to)
	if len(intent.Fields) == 0 && intent.State == nil {
		return nil // items: their copies are looked for
	}
	values := decision.Values
	if to == links.Source {
		values = decision.Inbound
	}
	if e.writer == nil {
		return nil // it takes no writes any more
	}
	mappings, _, err := w.render(ctx, e, to, values, &links.Link{Fields: map[string]links.Agreement{}})
	if err != nil {
		return err
	}
	known := map[string]mapping{}
	for _, m := range mappings {
		known[m.name] = m
	}
	done, notes := settleFields(intent, e, known, s.next.Fields, w.engine.digest)
	s.entry.Notes = append(s.entry.Notes, notes...)

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

// settleFields moves the agreements of what was written, field by field of the
// intent. known are the mappings of that side as they are now: where one still
// wants what was sent, its value tells what the system made of it from a later
// edit. Those are returned, with the values that were agreed.
func settleFields(intent *links.Intent, e *end, known map[string]mapping, agreed map[string]links.Agreement, d links.Digester) (done []write, notes []note) {
	for name, sent := range intent.Fields {
		have := fieldAt(e.record, fieldPath(links.FieldOf(name)))
		written, sure := e.evidence(intent, d.Of(have) != sent.Was)
		if !sure && d.Of(have) != sent.Sent {
			notes = append(notes, unclear(name, sent, e, have, known, d))
		}
		if !written {
			continue // the agreement stays, and the merge decides anew
		}
		agreement := links.Agreement{From: sent.From, Have: sent.Sent, Expr: sent.Expr}
		m, ok := known[name]
		switch {
		case ok && m.ready && d.Of(m.want) == sent.From:
			value := have
			if !e.writer.Same(e.ref.Record, m.field, m.send, have) {
				value = m.send // what stands there is a later edit
			}
			agreement.Have = d.Of(value)
			done = append(done, write{mapping: m, value: value})
		case ok && d.Of(have) == sent.Sent: // also when something else is wanted by now
			done = append(done, write{mapping: m, value: have})
		}
		agreed[name] = agreement
	}
	return done, notes
}

// unclear says that nobody knows whether a value was written. What was sent
// may be written over now on the side that it came from: it is kept, where the
// mapping still wants it.
func unclear(name string, sent links.Sent, e *end, have any, known map[string]mapping, d links.Digester) note {
	said := note{Field: links.Label(name), What: "unclear"}
	m, ok := known[name]
	if ok && m.ready && d.Of(m.want) == sent.From && !e.writer.Same(e.ref.Record, m.field, m.send, have) {
		said.Lost, said.Side = m.want, links.Other(m.side)
	}
	return said
}

// evidence reports whether a request was carried out, by its stamp in the
// record or else by the version and whether the value changed; sure is false
// where somebody else may have written the same, or written it back.
func (e *end) evidence(intent *links.Intent, changed bool) (written, sure bool) {
	switch {
	case e.record.Stamp == intent.ID:
		return true, true
	case e.record.Stamp != "", e.record.Version == intent.ReadVersion:
		return false, true
	}
	return changed, false
}
