package engine

import "github.com/lockstep-sync/lockstep/connectors"

// settle finds out what became of an intent whose answer nobody saw, from
// evidence; it is never replayed. What the merge then sees is as if the answer
// had come, or the request had not been sent.
func (w *work) settle(l *Link, ticket connectors.Record) []note {
	intent := l.Intent
	l.Intent = nil
	var notes []note
	for name, sent := range intent.Fields {
		now := w.engine.digest.of(ticket.Fields[fieldOf(name)])
		done := Agreement{From: sent.From, Have: sent.Sent, Expr: sent.Expr}
		switch {
		case ticket.Stamp == intent.ID:
			if now != sent.Was {
				done.Have = now // also what the system made of what was sent
			}
			l.Fields[name] = done
		case ticket.Version == intent.ReadVersion, ticket.Stamp != "":
			// Not done: the agreement stays, and the merge decides anew.
		case now == sent.Sent:
			l.Fields[name] = done
		case now == sent.Was:
			notes = append(notes, note{Field: fieldOf(name), What: "unclear"})
		default:
			l.Fields[name] = done // what stands there now is the later edit
			notes = append(notes, note{Field: fieldOf(name), What: "unclear"})
		}
	}
	return notes
}
