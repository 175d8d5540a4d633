package engine

import (
	"context"
	"maps"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
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
		// on_private keeps the ticket, not the contents
		if err := w.commit(ctx, change{turned: true, purge: record.Private && !w.route.Private}); err != nil {
			return verdict{}, err
		}
	}

	decision, parent, err := w.decide(ctx, record, link.Template, &ticket)
	if err != nil {
		return verdict{}, err
	}
	entry := w.entryOf(decision)
	entry.Target = *link.Target
	both := &plan.Ends{Source: w.end(w.source, record), Target: w.end(*link.Target, ticket)}
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
	merged := plan.Merge(in)
	if in.Conflict == rules.LatestWins && len(merged.Conflicts) > 0 {
		if in.Newest, err = w.newest(ctx, s, merged.Conflicts); err != nil {
			return verdict{}, err
		}
		merged = plan.Merge(in)
	}
	s.uneven = merged.Diverged || len(dead) > 0
	agreed := merged.Agreed
	for name, agreement := range next.Fields {
		// Of mappings that failed. Those that the template no longer has go.
		if _, ok := agreed[name]; !ok && dead[name] {
			agreed[name] = agreement
		}
	}
	next.Fields = agreed
	notes := slices.Clone(s.entry.Notes)
	s.entry.Notes = append(s.entry.Notes, merged.Notes...)
	s.writes = merged.Writes
	moved, pairs, err := w.weighState(ctx, s)
	if err != nil {
		return verdict{}, err
	}
	if s.reopened {
		return w.supersede(ctx, s)
	}
	s.writes = append(s.writes, moved...)
	for _, m := range in.Mappings {
		pairs[m.Name] = in.Digest.Pair(in.Digest.Of(m.Want), in.Digest.Of(in.Have(m)))
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
func (w *work) readTicket(ctx context.Context, g *breaker.Breaker, link links.Stored) (connectors.Record, error) {
	ticket, err := g.Read(ctx, *link.Target)
	if err != nil {
		return connectors.Record{}, err
	}
	w.budget.saw(func(v *links.Versions) { v.Target = ticket.Version })
	return ticket, nil
}

// weigh renders what the merge looks at. Mappings that fail are skipped,
// remembered and become dead letters, once per value.
func (w *work) weigh(ctx context.Context, s *sending, decision rules.Decision) (plan.Input, map[string]bool, error) {
	in := plan.Input{
		Agreed:   s.next.Fields,
		Have:     s.ends.Have,
		Conflict: s.template.Conflict,
		Same: func(m plan.Mapping, have any) bool {
			return s.ends.Of(m.Side).Same(m.Field, m.Send, have)
		},
		Digest: w.engine.digest,
	}
	var rests map[string]bool
	in.Refused = func(name, pair string) bool {
		r, ok := s.next.Refusal(name)
		return ok && r.Pair == pair || rests[name]
	}
	dead := map[string]bool{}
	for to, values := range map[links.Side][]rules.Value{links.Target: decision.Values, links.Source: decision.Inbound} {
		if s.ends.Of(to).Writer() == nil {
			continue // the system takes no writes; loading has warned of it
		}
		mappings, failed, err := w.render(ctx, s.ends.Of(to), to, values, s.next)
		if err != nil {
			return plan.Input{}, nil, err
		}
		in.Mappings = append(in.Mappings, mappings...)
		maps.Copy(dead, failed)
	}
	rests = w.rests(s.next, in.Mappings)
	return in, dead, nil
}

// render makes the mappings that write to one end of their values, resolving
// those that changed. The names of those that failed are the second result.
func (w *work) render(ctx context.Context, e *plan.End, to links.Side, values []rules.Value, next *links.Link) ([]plan.Mapping, map[string]bool, error) {
	d := w.engine.digest
	name, partner := links.Outbound, links.Inbound
	if to == links.Source {
		name, partner = links.Inbound, links.Outbound
	}
	needed, needs := []rules.Value{}, map[string]bool{}
	mappings := []plan.Mapping{}
	for _, v := range values {
		if v.Once {
			continue
		}
		m := plan.Mapping{Name: name(v.Field), Side: to, Field: v.Field, Path: plan.FieldPath(v.Field), Expr: v.Expr, Want: v.Value, Reads: v.Reads}
		if v.Pair != "" {
			m.Pair = partner(v.Pair)
		}
		last, agreed := next.Fields[m.Name]
		if v.Err != nil || plan.Changed(m, last, agreed, d) {
			needed, needs[v.Field] = append(needed, v), true
		}
		if v.Err == nil {
			mappings = append(mappings, m)
		}
	}
	send, failed, err := w.resolve(ctx, w.guardOf(e), e.Writer(), e.Ref.Record, needed)
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
		if !dead[m.Name] {
			m.Send, m.Ready = send[m.Field], needs[m.Field]
			alive = append(alive, m)
		}
	}
	return alive, dead, nil
}

// weighState compares the states of both ends and returns the one that is to
// be written, with the pairs by which its refusal is remembered.
func (w *work) weighState(ctx context.Context, s *sending) ([]plan.Write, map[string]string, error) {
	pairs := map[string]string{}
	sync := s.template.State
	if sync == nil || sync.Table == nil {
		return nil, pairs, nil
	}
	source, target := w.standings(s.ends, *sync)
	names := plan.StateNames(*sync)
	rests := len(w.rests(s.next, []plan.Mapping{{Name: names[links.Target], Pair: names[links.Source]}})) > 0
	in := plan.StateInput{
		Sync: *sync, Conflict: s.template.Conflict, Source: source, Target: target, Agreed: s.next.State,
		CanMove: func(to links.Side, value string) bool { return s.ends.Of(to).CanMove(value) },
		Refused: func(pair string) bool {
			for _, name := range names {
				if r, ok := s.next.Refusal(name); ok && r.Pair == pair {
					return true
				}
			}
			return rests
		},
		Digest: w.engine.digest,
	}
	result := plan.MergeState(in)
	if result.Conflict && in.Conflict == rules.LatestWins {
		newest, err := w.newest(ctx, s, []plan.Conflict{{
			Name: names[links.Target], To: links.Target, Read: [][]string{plan.StatePath(sync.SourceField)}, Wrote: plan.StatePath(sync.TargetField),
		}})
		if err != nil {
			return nil, nil, err
		}
		if in.Newest = newest[names[links.Target]]; in.Newest == "" {
			s.entry.Notes = append(s.entry.Notes, plan.Note{Field: "state", What: plan.NoteTimeUnknown})
		}
		result = plan.MergeState(in)
	}
	if w.reopens(s, result, target) {
		s.reopened = true
		return nil, pairs, nil
	}
	s.next.State = result.Agreed
	for _, name := range names {
		pairs[name] = result.Pair
	}
	if result.Note == plan.NoteUnmapped || result.Note == plan.NoteMoveNotTaken {
		return nil, pairs, w.notMoved(ctx, s, result, names[links.Target])
	}
	if result.Note != "" {
		said := plan.Note{Field: "state", What: result.Note}
		if result.Lost != "" {
			said.Lost = result.Lost
		}
		s.entry.Notes = append(s.entry.Notes, said)
	}
	if result.Side == "" {
		return nil, pairs, nil
	}
	m := plan.Mapping{Name: names[result.Side], Side: result.Side, Field: sync.TargetField, Path: plan.StatePath(sync.TargetField), State: true, Pair: result.Pair, Want: result.To}
	if result.Side == links.Source {
		m.Field, m.Path = sync.SourceField, plan.StatePath(sync.SourceField)
	}
	e := s.ends.Of(result.Side)
	send, failed, err := w.resolve(ctx, w.guardOf(e), e.Writer(), e.Ref.Record, []rules.Value{{Field: m.Field, Value: result.To}})
	if err != nil {
		return nil, nil, err
	}
	for _, f := range failed {
		return nil, pairs, w.refuse(ctx, s.next, m.Name, result.Pair, f)
	}
	return []plan.Write{{Mapping: m, Value: send[m.Field], Was: s.ends.Have(m), Agreed: result.Then}}, pairs, nil
}

// notMoved says once, for a pair of states, that the table does not relate
// them or that the system does not take the move; where the table asks for it,
// that is a dead letter.
func (w *work) notMoved(ctx context.Context, s *sending, result plan.StateResult, name string) error {
	if r, ok := s.next.Refusal(name); ok && r.Pair == result.Pair {
		return nil
	}
	s.entry.Notes = append(s.entry.Notes, plan.Note{Field: "state", What: result.Note})
	if !s.template.State.Table.UnmappedIsError {
		s.next.Refuse(links.Refusal{What: name, Pair: result.Pair, Code: result.Note, At: w.engine.clock.Now().UTC()})
		return nil
	}
	return w.refuse(ctx, s.next, name, result.Pair, fieldFailure{links.FieldOf(name), result.Note, "the state table does not relate the states of the two sides, or the system does not take the move; both were left as they are"})
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
