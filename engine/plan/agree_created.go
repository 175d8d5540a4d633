package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// AgreeCreated takes what the answer to a creation holds as agreed (rule 3.8). A
// field that stayed empty although something was sent did not stick: it is
// never agreed, so that a retry writes it; nor is one that the system refused and
// the ticket was opened without. A map is agreed on without its entries that were
// refused.
func AgreeCreated(next *links.Link, values []rules.Value, send map[string]any, left []Failure, ticket connectors.Record, now time.Time, d links.Digester) (wrote []string, lost []Failure) {
	lost = append(lost, left...)
	for _, v := range values {
		if i := slices.IndexFunc(left, func(f Failure) bool { return f.Field == v.Field }); i >= 0 {
			agreement := links.Agreement{From: d.Of(v.Value), Have: d.Of(sentTo(ticket, v.Field))}
			refuseCreated(next, v, agreement, left[i].Reason, now, d)
			continue
		}
		sent, have := send[v.Field], sentTo(ticket, v.Field)
		if sent != nil {
			wrote = append(wrote, v.Field)
		}
		stuck := Empty(sent) || !Empty(have)
		if !stuck {
			lost = append(lost, Fail(v.Field, deadletter.ReasonDidNotStick, DidNotStick(ticket, v.Field)))
		}
		agreement := links.Agreement{From: d.Of(v.Value), Have: d.Of(have), Expr: v.Expr}
		rest, reason := withoutEntries(v, left)
		switch {
		case reason != "":
			refuseCreated(next, v, agreement, reason, now, d)
			agreement.From = d.Of(rest)
		case !stuck:
			refuseCreated(next, v, agreement, deadletter.ReasonDidNotStick, now, d)
			continue
		}
		if !v.Once {
			next.Fields[links.Outbound(v.Field)] = agreement
		}
	}
	return wrote, lost
}

// AgreeFound agrees on what a ticket that was found by its key was about to be
// opened with, so that an edit made meanwhile is later, not a conflict (rule 7.4).
func AgreeFound(next *links.Link, opened *links.Opened, ticket connectors.Record, now time.Time, d links.Digester) (lost []Failure) {
	without := map[string]bool{}
	for _, left := range opened.Left {
		field, entry := entryOf(left.Field)
		name := links.Outbound(field)
		have := d.Of(ticket.Fields[field])
		sent, outbound := opened.Fields[name]
		refuseCreated(next, rules.Value{Field: field, Once: left.Once}, links.Agreement{From: sent.From, Have: have}, left.Reason, now, d)
		without[name] = true
		if entry != "" && outbound { // the rest is agreed on; a retry writes it again
			next.Fields[name] = links.Agreement{Have: have, Expr: sent.Expr}
		}
		lost = append(lost, Fail(left.Field, left.Reason, fmt.Sprintf("%s was opened without field %s: its system did not take the value, or nothing is found that it names. Correct it there, then run: lockstep dead retry", ticket.Ref, left.Field)))
	}
	for name, sent := range opened.Fields {
		if without[name] {
			continue
		}
		field := links.FieldOf(name)
		nothing := sent.Sent == d.Of(nil)
		agreement := links.Agreement{From: sent.From, Have: sent.Sent, Expr: sent.Expr}
		if ticket.Pristine || nothing { // what the system made of what was sent
			agreement.Have = d.Of(sentTo(ticket, field))
		}
		if !ticket.Pristine || nothing || !Empty(sentTo(ticket, field)) {
			next.Fields[name] = agreement
			continue
		}
		refuseCreated(next, rules.Value{Field: field}, agreement, deadletter.ReasonDidNotStick, now, d)
		lost = append(lost, Fail(field, deadletter.ReasonDidNotStick, DidNotStick(ticket, field)))
	}
	return lost
}

// sentTo returns what a record holds where a creation wrote a field: the state may lie
// deeper.
func sentTo(r connectors.Record, field string) any {
	if strings.Contains(field, "/") {
		return FieldAt(r, FieldPath(field))
	}
	return FieldAt(r, StatePath(field))
}

func refuseCreated(next *links.Link, v rules.Value, a links.Agreement, code string, now time.Time, d links.Digester) {
	next.Refuse(links.Refusal{What: links.Outbound(v.Field), Pair: d.Pair(a.From, a.Have), Code: code, At: now.UTC(), Once: v.Once})
}

// withoutEntries returns a map without its entries that were refused, and why they
// were; empty: none was.
func withoutEntries(v rules.Value, left []Failure) (rest any, reason string) {
	entries, isMap := v.Value.(map[string]any)
	if !isMap {
		return v.Value, ""
	}
	entries = maps.Clone(entries)
	for _, f := range left {
		if field, entry := entryOf(f.Field); field == v.Field && entry != "" {
			delete(entries, entry)
			reason = f.Reason
		}
	}
	return entries, reason
}

// BaseState returns the states that a link begins with. A ticket is pristine where
// nobody wrote it since it was opened.
func BaseState(sync rules.StateSync, opened *links.StatePair, ticket connectors.Record, pristine bool, schema *connectors.Schema) *links.StatePair {
	if opened == nil || sync.Table == nil {
		return nil
	}
	both := *opened
	if !pristine && both.Target != "" {
		return &both // what stands there now may be a later edit
	}
	to := StateOf(ticket, sync.TargetField, schema)
	both.Target, both.TargetCategory = to.Raw, to.Category
	return &both
}

// AgreePairs sets the agreements of what is read back from the fields that a
// ticket was opened with, where they still hold what was agreed: what people
// type there from now on is an edit.
func AgreePairs(next *links.Link, source, ticket connectors.Record, inbound []rules.Value, d links.Digester) {
	for _, v := range inbound {
		partner, agreed := next.Fields[links.Outbound(v.Pair)]
		if v.Pair == "" || v.Err != nil || !agreed || partner.Have != d.Of(FieldAt(ticket, FieldPath(v.Pair))) {
			continue
		}
		next.Fields[links.Inbound(v.Field)] = links.Agreement{From: d.Of(v.Value), Have: d.Of(FieldAt(source, FieldPath(v.Field))), Expr: v.Expr}
	}
}
