package names

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// What a name that is being typed may be of.
const (
	OfRecords = "records"
	OfLinks   = "links"
	OfDead    = "dead"
)

// A Suggestion is a name that begins as what was typed, and what it is of.
type Suggestion struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

// Complete returns names that are stored and begin with prefix, at most limit of them,
// in order. No system is asked.
func (r *Resolver) Complete(ctx context.Context, of, prefix string, limit int) ([]Suggestion, error) {
	found := map[string]string{}
	add := func(name, about string) {
		if name != "" && len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			found[name] = cmp.Or(found[name], about)
		}
	}
	var err error
	if of == OfDead {
		err = r.completeDead(ctx, add)
	} else {
		err = r.completeRecords(ctx, of, prefix, add)
	}
	if err != nil {
		return nil, err
	}
	all := make([]Suggestion, 0, len(found))
	for name, about := range found {
		all = append(all, Suggestion{name, about})
	}
	slices.SortFunc(all, func(a, b Suggestion) int { return cmp.Compare(a.Name, b.Name) })
	return all[:min(len(all), limit)], nil
}

func (r *Resolver) completeDead(ctx context.Context, add func(name, about string)) error {
	letters, err := r.Letters.List(ctx)
	if err != nil {
		return err
	}
	for _, d := range letters {
		called, err := r.Of(ctx, d.Route, d.Record)
		if err != nil {
			return err
		}
		add(d.ID, cmp.Or(called.Source, d.Record.String())+": "+d.Reason)
		add(called.Source, "dead letters of route "+d.Route)
	}
	return nil
}

func (r *Resolver) completeRecords(ctx context.Context, of, prefix string, add func(name, about string)) error {
	// Ids and refs are no help to who has typed nothing yet.
	addRef := func(ref connectors.Ref, about string) {
		if prefix != "" {
			add(ref.String(), about)
		}
	}
	err := r.Repo.Each(ctx, func(l links.Stored) error {
		add(l.SourceNumber, strings.TrimSpace("route "+l.Route+" "+l.Number))
		addRef(l.Source, "route "+l.Route)
		if l.Target != nil {
			add(l.Number, strings.TrimSpace("ticket of "+cmp.Or(l.SourceNumber, l.Source.String())))
			addRef(*l.Target, "route "+l.Route)
		}
		if prefix != "" {
			add(l.ID, "link of "+cmp.Or(l.SourceNumber, l.Source.String()))
		}
		return nil
	})
	if err != nil || of == OfLinks {
		return err
	}
	return r.Repo.EachUnlinked(ctx, func(route string, ref connectors.Ref, u links.Unlinked) error {
		add(u.Number, "route "+route+", no ticket")
		addRef(ref, "route "+route+", no ticket")
		return nil
	})
}
