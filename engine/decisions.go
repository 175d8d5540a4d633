package engine

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/journal"
)

// FindDecisions returns what was decided about the record that a name means, or about
// all with an empty one, newest first. At most limit entries.
func (q *inquiries) FindDecisions(ctx context.Context, name, route string, limit int) ([]DecisionView, error) {
	refs, err := q.decided(ctx, name)
	if err != nil {
		return nil, err
	}
	entries, err := q.entries(ctx, refs, route, limit)
	if err != nil {
		return nil, err
	}
	all := make([]DecisionView, len(entries))
	called := q.caller()
	for i, entry := range entries {
		if all[i], err = decisionView(ctx, called, entry); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// FollowDecisions hands over what FindDecisions returns, oldest first, and then each
// decision when it is made; begun is called before the first. It returns when take fails,
// or nil when ctx ends.
func (q *inquiries) FollowDecisions(ctx context.Context, name, route string, limit int, begun func(), take func(DecisionView) error) error {
	refs, err := q.decided(ctx, name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	of := connectors.Ref{}
	if len(refs) == 1 {
		of = refs[0]
	}
	following, ended, coming := make(chan struct{}), make(chan error, 1), make(chan journal.Entry, 256)
	go func() {
		ended <- q.core.Journal.Follow(ctx, of, func() { close(following) }, func(e journal.Entry) error {
			if !slices.Contains(refs, e.Record) && !slices.Contains(refs, connectors.Ref{}) || route != "" && e.Route != route {
				return nil
			}
			select {
			case coming <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	select {
	case <-following:
	case err := <-ended:
		return err
	}
	past, err := q.entries(ctx, refs, route, limit)
	if err != nil {
		return err
	}
	begun()
	told := map[string]bool{} // what came in between is in both
	give := func(e journal.Entry) error {
		view, err := decisionView(ctx, q.caller(), e) // a ticket may have been opened since
		if err != nil {
			return err
		}
		return take(view)
	}
	for _, e := range slices.Backward(past) {
		told[identity(e)] = true
		if err := give(e); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case e := <-coming:
			if told[identity(e)] {
				continue
			}
			if err := give(e); err != nil {
				return err
			}
		}
	}
}

// decided are the records whose decisions a name asks for; the zero Ref is all of them.
func (q *inquiries) decided(ctx context.Context, name string) ([]connectors.Ref, error) {
	if name == "" {
		return []connectors.Ref{{}}, nil
	}
	if ref, err := connectors.ParseRef(name); err == nil { // nobody needs to know it
		return []connectors.Ref{ref}, nil
	}
	m, err := q.names.One(ctx, name)
	if err != nil {
		return nil, err
	}
	return q.subjects(ctx, m)
}

// entries are the journal's about records, newest first, without what they rested on.
func (q *inquiries) entries(ctx context.Context, refs []connectors.Ref, route string, limit int) ([]journal.Entry, error) {
	var all []journal.Entry
	for _, ref := range refs {
		most := limit
		if route != "" {
			most = 0 // those of other routes do not count
		}
		entries, err := q.core.Journal.Entries(ctx, ref, most)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if route == "" || entry.Route == route {
				entry.Snapshot = nil
				all = append(all, entry)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b journal.Entry) int { return b.At.Compare(a.At) })
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all, nil
}

func decisionView(ctx context.Context, called callerFunc, entry journal.Entry) (DecisionView, error) {
	entry.Snapshot = nil
	named, _, err := called(ctx, entry.Route, entry.Record)
	return DecisionView{entry, named}, err
}

// identity tells entries apart.
func identity(e journal.Entry) string {
	e.Snapshot = nil
	encoded, err := json.Marshal(e)
	if err != nil {
		return ""
	}
	return string(encoded)
}
