package engine

import (
	"context"
	"maps"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// keepInStep brings both sides of a link in step.
func (w *work) keepInStep(ctx context.Context, link links.Stored) (verdict, error) {
	template := w.config.Set.Templates[link.Template]
	guard, target, err := w.targetOf(link.Target.Collection)
	if err != nil {
		return verdict{}, err
	}
	if link.Intent != nil {
		if left := w.left(link, false); left > 0 {
			return w.waitUntil(w.engine.clock.Now().Add(left)), nil // somebody may be at it
		}
	}

	// The target first and the source last, so that privacy is as fresh as can
	// be when something is sent.
	var ticket connectors.Record
	if link.Phase != links.Stopped {
		ticket, err = w.readTicket(ctx, guard, link)
		if isGone(err) {
			return w.missing(ctx, link, "target", links.Gone)
		}
		if err != nil {
			return verdict{}, err
		}
	}
	record, err := w.readSource(ctx)
	if isGone(err) {
		return w.missing(ctx, link, "source", links.Detached)
	}
	if err != nil {
		return verdict{}, err
	}
	if record.Private && !w.route.Private && !template.Lifecycle.KeepPrivate {
		if link.Phase == links.Stopped {
			return nothing, nil
		}
		return w.stop(ctx, link)
	}
	if link.Phase == links.Stopped { // public again: read what was not read above
		ticket, err = w.readTicket(ctx, guard, link)
		if isGone(err) {
			return w.missing(ctx, link, "target", links.Gone)
		}
		if err != nil {
			return verdict{}, err
		}
	}
	if link.AsideAt(links.Versions{Source: record.Version, Target: ticket.Version}) {
		return nothing, nil
	}
	if err := bounded(ticket); err != nil {
		return verdict{}, err
	}
	next := link.Clone()
	if err := w.takeUpAgain(ctx, next); err != nil {
		return verdict{}, err
	}
	next.Phase, next.Missing, next.Number, next.URL = links.Active, nil, ticket.Number, ticket.URL
	if next.Parent, next.Private = record.Parent, record.Private; link.Private != record.Private {
		if err := w.hintChildren(ctx); err != nil {
			return verdict{}, err
		}
		if record.Private && !w.route.Private { // on_private keeps the ticket, not the contents
			if err := w.forget(ctx); err != nil {
				return verdict{}, err
			}
		}
	}

	decision, parent, err := w.decide(ctx, record, link.Template, &ticket)
	if err != nil {
		return verdict{}, err
	}
	entry := w.entryOf(decision)
	entry.Target = *link.Target
	both := &ends{
		source: end{guard: w.config.guards[w.source.Connector], ref: w.source, record: record},
		target: end{guard: guard, writer: target, ref: *link.Target, record: ticket},
	}
	both.source.writer, _ = both.source.guard.connector.(connectors.Writer)
	if err := w.verify(ctx, guard, target, next); err != nil {
		return verdict{}, err
	}
	if decision.Action != rules.Update {
		w.log.Warn("its template decides nothing", "template", link.Template, "reason", decision.Reason)
		return nothing, nil
	}

	s := &sending{ends: both, link: link, next: next, entry: entry, template: template, parent: parent, revision: link.Revision}
	if link.Intent != nil {
		if err := w.settle(ctx, s, decision); err != nil {
			return verdict{}, err
		}
	}
	if err := w.rested(ctx, s.next); err != nil {
		return verdict{}, err
	}
	hauls := w.hauls(s)
	if err := w.forgiveItems(ctx, s, hauls); err != nil {
		return verdict{}, err
	}
	if v, err := w.carry(ctx, s, hauls); v != nil || err != nil {
		return w.unsent(ctx, s, v, err)
	}
	before := s.next.Clone()
	in, dead, err := w.weigh(ctx, s, decision)
	if err != nil {
		return verdict{}, err
	}
	merged := merge(in)
	if in.conflict == rules.LatestWins && len(merged.clashes) > 0 {
		if in.newest, err = w.newest(ctx, s, merged.clashes); err != nil {
			return verdict{}, err
		}
		merged = merge(in)
	}
	s.uneven = merged.uneven || len(dead) > 0
	agreed := merged.agreed
	for name, agreement := range next.Fields {
		// Of mappings that failed. Those that the template no longer has go.
		if _, ok := agreed[name]; !ok && dead[name] {
			agreed[name] = agreement
		}
	}
	next.Fields = agreed
	notes := slices.Clone(s.entry.Notes)
	s.entry.Notes = append(s.entry.Notes, merged.notes...)
	s.writes = merged.writes
	moved, pairs, err := w.weighState(ctx, s)
	if err != nil {
		return verdict{}, err
	}
	if s.reopened {
		return w.supersede(ctx, s)
	}
	s.writes = append(s.writes, moved...)
	for _, m := range in.mappings {
		pairs[m.name] = in.digest.Pair(in.digest.Of(m.want), in.digest.Of(in.have(m)))
	}
	maps.Copy(pairs, w.itemPairs(s, hauls))
	if err := w.forgiveChanged(ctx, next, pairs, dead); err != nil {
		return verdict{}, err
	}
	if s.carried && len(s.writes) > 0 {
		// What was read is old by now: a write would span a longer time than it
		// has to. The fields have their turn at once.
		s.next, s.writes, s.entry.Notes, s.uneven = before, nil, notes, true
		v, err := w.send(ctx, s)
		v.again = w.engine.clock.Now()
		return v, err
	}
	return w.send(ctx, s)
}

// readTicket reads the ticket of a link.
func (w *work) readTicket(ctx context.Context, g *guard, link links.Stored) (connectors.Record, error) {
	ticket, err := g.read(ctx, *link.Target)
	if err != nil {
		return connectors.Record{}, err
	}
	w.budget.saw(func(v *links.Versions) { v.Target = ticket.Version })
	return ticket, nil
}

// weigh renders what the merge looks at. Mappings that fail are skipped,
// remembered and become dead letters, once per value.
func (w *work) weigh(ctx context.Context, s *sending, decision rules.Decision) (mergeInput, map[string]bool, error) {
	in := mergeInput{
		agreed:   s.next.Fields,
		have:     s.ends.have,
		conflict: s.template.Conflict,
		same: func(m mapping, have any) bool {
			e := s.ends.of(m.side)
			return e.writer.Same(e.ref.Record, m.field, m.send, have)
		},
		digest: w.engine.digest,
	}
	var rests map[string]bool
	in.refused = func(name, pair string) bool {
		r, ok := s.next.Refusal(name)
		return ok && r.Pair == pair || rests[name]
	}
	dead := map[string]bool{}
	for to, values := range map[links.Side][]rules.Value{links.Target: decision.Values, links.Source: decision.Inbound} {
		if s.ends.of(to).writer == nil {
			continue // the system takes no writes; loading has warned of it
		}
		mappings, failed, err := w.render(ctx, s.ends.of(to), to, values, s.next)
		if err != nil {
			return mergeInput{}, nil, err
		}
		in.mappings = append(in.mappings, mappings...)
		maps.Copy(dead, failed)
	}
	rests = w.rests(s.next, in.mappings)
	return in, dead, nil
}

// render makes the mappings that write to one end of their values, resolving
// those that changed. The names of those that failed are the second result.
func (w *work) render(ctx context.Context, e *end, to links.Side, values []rules.Value, next *links.Link) ([]mapping, map[string]bool, error) {
	d := w.engine.digest
	name, partner := links.Outbound, links.Inbound
	if to == links.Source {
		name, partner = links.Inbound, links.Outbound
	}
	needed, needs := []rules.Value{}, map[string]bool{}
	mappings := []mapping{}
	for _, v := range values {
		if v.Once {
			continue
		}
		m := mapping{name: name(v.Field), side: to, field: v.Field, path: fieldPath(v.Field), expr: v.Expr, want: v.Value, reads: v.Reads}
		if v.Pair != "" {
			m.pair = partner(v.Pair)
		}
		last, agreed := next.Fields[m.name]
		if v.Err != nil || changed(m, last, agreed, d) {
			needed, needs[v.Field] = append(needed, v), true
		}
		if v.Err == nil {
			mappings = append(mappings, m)
		}
	}
	send, failed, err := w.resolve(ctx, e.guard, e.writer, e.ref.Record, needed)
	if err != nil {
		return nil, nil, err
	}
	dead := map[string]bool{}
	for _, f := range failed {
		of := name(f.field)
		dead[of] = true
		if err := w.refuse(ctx, next, of, d.Pair(f.reason, wantOf(values, f, d)), f); err != nil {
			return nil, nil, err
		}
	}
	alive := mappings[:0]
	for _, m := range mappings {
		if !dead[m.name] {
			m.send, m.ready = send[m.field], needs[m.field]
			alive = append(alive, m)
		}
	}
	return alive, dead, nil
}

// weighState compares the states of both ends and returns the one that is to
// be written, with the pairs by which its refusal is remembered.
func (w *work) weighState(ctx context.Context, s *sending) ([]write, map[string]string, error) {
	pairs := map[string]string{}
	sync := s.template.State
	if sync == nil || sync.Table == nil {
		return nil, pairs, nil
	}
	source, target := w.standings(s.ends, *sync)
	names := stateNames(*sync)
	rests := len(w.rests(s.next, []mapping{{name: names[links.Target], pair: names[links.Source]}})) > 0
	in := stateInput{
		sync: *sync, conflict: s.template.Conflict, source: source, target: target, agreed: s.next.State,
		mayMove: func(to links.Side, value string) bool {
			e := s.ends.of(to)
			if mover, ok := e.guard.connector.(connectors.Mover); ok && !mover.MayMove(e.record, value) {
				return false
			}
			return e.writer != nil
		},
		refused: func(pair string) bool {
			for _, name := range names {
				if r, ok := s.next.Refusal(name); ok && r.Pair == pair {
					return true
				}
			}
			return rests
		},
		digest: w.engine.digest,
	}
	result := mergeState(in)
	if result.clash && in.conflict == rules.LatestWins {
		newest, err := w.newest(ctx, s, []clash{{
			name: names[links.Target], to: links.Target, read: [][]string{statePath(sync.SourceField)}, wrote: statePath(sync.TargetField),
		}})
		if err != nil {
			return nil, nil, err
		}
		if in.newest = newest[names[links.Target]]; in.newest == "" {
			s.entry.Notes = append(s.entry.Notes, note{Field: "state", What: noteTimeUnknown})
		}
		result = mergeState(in)
	}
	if w.reopens(s, result, target) {
		s.reopened = true
		return nil, pairs, nil
	}
	s.next.State = result.agreed
	for _, name := range names {
		pairs[name] = result.pair
	}
	if result.note == noteUnmapped || result.note == noteMoveNotTaken {
		return nil, pairs, w.notMoved(ctx, s, result, names[links.Target])
	}
	if result.note != "" {
		said := note{Field: "state", What: result.note}
		if result.lost != "" {
			said.Lost = result.lost
		}
		s.entry.Notes = append(s.entry.Notes, said)
	}
	if result.side == "" {
		return nil, pairs, nil
	}
	m := mapping{name: names[result.side], side: result.side, field: sync.TargetField, path: statePath(sync.TargetField), state: true, pair: result.pair, want: result.to}
	if result.side == links.Source {
		m.field, m.path = sync.SourceField, statePath(sync.SourceField)
	}
	e := s.ends.of(result.side)
	send, failed, err := w.resolve(ctx, e.guard, e.writer, e.ref.Record, []rules.Value{{Field: m.field, Value: result.to}})
	if err != nil {
		return nil, nil, err
	}
	for _, f := range failed {
		return nil, pairs, w.refuse(ctx, s.next, m.name, result.pair, f)
	}
	return []write{{mapping: m, value: send[m.field], was: s.ends.have(m), agreed: result.then}}, pairs, nil
}

// notMoved says once, for a pair of states, that the table does not relate
// them or that the system does not take the move; where the table asks for it,
// that is a dead letter.
func (w *work) notMoved(ctx context.Context, s *sending, result stateResult, name string) error {
	if r, ok := s.next.Refusal(name); ok && r.Pair == result.pair {
		return nil
	}
	s.entry.Notes = append(s.entry.Notes, note{Field: "state", What: result.note})
	if !s.template.State.Table.UnmappedIsError {
		s.next.Refuse(links.Refusal{What: name, Pair: result.pair, Code: result.note, At: w.engine.clock.Now().UTC()})
		return nil
	}
	return w.refuse(ctx, s.next, name, result.pair, fieldFailure{links.FieldOf(name), result.note, "the state table does not relate the states of the two sides, or the system does not take the move; both were left as they are"})
}

// wantOf tells one failure of a mapping from another: by the value that could
// not be resolved, for what a system says differs from time to time, or by
// what the rules said where there is no value.
func wantOf(values []rules.Value, f fieldFailure, d links.Digester) string {
	for _, v := range values {
		if v.Field == f.field && v.Err == nil {
			return d.Of(v.Value)
		}
	}
	return f.message
}
