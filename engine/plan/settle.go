package plan

import (
	"github.com/lockstep-sync/lockstep/engine/links"
)

// SettleFields moves the agreements of what was written, field by field of the
// intent. known are the mappings of that side as they are now: where one still
// wants what was sent, its value tells what the system made of it from a later
// edit. Those are returned, with the values that were agreed (section 5).
func SettleFields(intent *links.Intent, e *Endpoint, known map[string]Mapping, agreed map[string]links.Agreement, d links.Digester) (done []Write, notes []Note) {
	for name, sent := range intent.Fields {
		have := FieldAt(e.Record, FieldPath(links.FieldOf(name)))
		written, sure := e.Evidence(intent, d.Of(have) != sent.Was)
		if !sure && d.Of(have) != sent.Sent {
			notes = append(notes, unclear(name, sent, e, have, known, d))
		}
		if !written {
			continue // the agreement stays, and the merge decides again
		}
		agreement := links.Agreement{From: sent.From, Have: sent.Sent, Expr: sent.Expr}
		m, ok := known[name]
		switch {
		case ok && m.Ready && d.Of(m.Want) == sent.From:
			value := have
			if !e.Same(m.Field, m.Send, have) {
				value = m.Send // what stands there is a later edit
			}
			agreement.Have = d.Of(value)
			done = append(done, Write{Mapping: m, Value: value})
		case ok && d.Of(have) == sent.Sent: // also when something else is wanted by now
			done = append(done, Write{Mapping: m, Value: have})
		}
		agreed[name] = agreement
	}
	return done, notes
}

// unclear says that nobody knows whether a value was written. What was sent
// may be written over now on the side that it came from: it is kept, where the
// mapping still wants it.
func unclear(name string, sent links.Sent, e *Endpoint, have any, known map[string]Mapping, d links.Digester) Note {
	said := Note{Field: links.Label(name), What: "unclear"}
	m, ok := known[name]
	if ok && m.Ready && d.Of(m.Want) == sent.From && !e.Same(m.Field, m.Send, have) {
		said.Lost, said.Side = m.Want, links.Other(m.Side)
	}
	return said
}

// Evidence reports whether a request was carried out, by its stamp in the
// record or else by the version and whether the value changed; sure is false
// where somebody else may have written the same, or written it back.
func (e *Endpoint) Evidence(intent *links.Intent, changed bool) (written, sure bool) {
	switch {
	case e.Record.Stamp == intent.ID:
		return true, true
	case e.Record.Stamp != "", e.Record.Version == intent.ReadVersion:
		return false, true
	}
	return changed, false
}
