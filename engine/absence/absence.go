package absence

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
)

const (
	// Few is how many linked records of a connector may be deleted at once. More
	// that are missing together are a lost permission until a person says
	// otherwise.
	Few = 3
	// together is how long one that was given up counts among those that are
	// missing now.
	together = time.Hour
	// witnesses is how many other records are read before one counts as deleted.
	witnesses = 5
)

// Links are all links that can be read.
type Links interface {
	Each(ctx context.Context, f func(links.Stored) error) error
}

// Hints take word of records that are to be looked at.
type Hints interface {
	Add(ctx context.Context, ref connectors.Ref, delivery string) error
}

// A Watch keeps in mind which linked records read as not found. It is safe for
// concurrent use.
type Watch struct {
	links Links
	hints Hints
	clock store.Clock

	mu      sync.Mutex
	missing map[string]map[connectors.Ref]sighting // by connector
}

// A sighting is that a record read as not found.
type sighting struct {
	since time.Time
	lost  time.Time // when it counted as deleted; zero: not yet
}

// NewWatch makes a watch that finds other records among the links, and has those
// looked at that it finds missing.
func NewWatch(l Links, h Hints, clock store.Clock) *Watch {
	return &Watch{links: l, hints: h, clock: clock, missing: map[string]map[connectors.Ref]sighting{}}
}

// Missed notes that a linked record read as not found, first at the time.
func (w *Watch) Missed(ref connectors.Ref, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.missing[ref.Connector]
	if of == nil {
		of = map[connectors.Ref]sighting{}
		w.missing[ref.Connector] = of
	}
	if s, known := of[ref]; !known || since.Before(s.since) {
		of[ref] = sighting{since: since, lost: s.lost}
	}
}

// Found notes that a record reads, or that nobody waits for it any more.
func (w *Watch) Found(ref connectors.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.missing[ref.Connector], ref)
}

// Lost notes that a record counts as deleted from now on. It counts as missing for
// a while yet: those that follow are more than a few.
func (w *Watch) Lost(ref connectors.Ref) {
	w.Missed(ref, w.clock.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.missing[ref.Connector][ref]
	s.lost = w.clock.Now()
	w.missing[ref.Connector][ref] = s
}

// Of is what is missing of a connector now.
func (w *Watch) Of(connector string) breaker.Absence {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, a := w.clock.Now(), breaker.Absence{}
	for ref, s := range w.missing[connector] {
		if !s.lost.IsZero() && now.Sub(s.lost) >= together {
			delete(w.missing[connector], ref)
			continue
		}
		if a.Records++; a.Since.IsZero() || s.since.Before(a.Since) {
			a.Since = s.since
		}
	}
	a.Held = a.Records > Few
	return a
}

// Judge reports whether a record that reads as not found, to these credentials,
// has been deleted: the system still says that they are good, other linked
// records read, and no more than a few are missing. An error is that of a call
// and says nothing about the record.
func (w *Watch) Judge(ctx context.Context, g *breaker.Breaker, ref connectors.Ref) (deleted bool, err error) {
	if w.Of(ref.Connector).Held {
		return false, nil
	}
	if _, err := g.Probe(ctx); err != nil {
		return false, fmt.Errorf("whose credentials find no %s: %w", ref, err)
	}
	others, err := w.others(ctx, ref)
	if err != nil {
		return false, err
	}
	read := 0
	for _, other := range others {
		_, err := g.Read(ctx, other.ref)
		switch class, _ := connectors.ClassOf(err); {
		case err == nil:
			read++
		case class == connectors.ClassGone:
			w.Missed(other.ref, w.clock.Now())
			if err := w.hints.Add(ctx, other.source, ""); err != nil {
				return false, fmt.Errorf("hint of %s: %w", other.source, err)
			}
		default:
			return false, fmt.Errorf("other records beside %s, which was not found: %w", ref, err)
		}
	}
	return !w.Of(ref.Connector).Held && (read > 0 || len(others) == 0), nil
}

// A witness is a linked record that is read to see whether anything can be, and the
// source of its link, which is what is hinted.
type witness struct{ ref, source connectors.Ref }

// others are some linked records of a record's type in its system that are not
// known to be missing.
func (w *Watch) others(ctx context.Context, ref connectors.Ref) ([]witness, error) {
	w.mu.Lock()
	missing := maps.Clone(w.missing[ref.Connector])
	w.mu.Unlock()
	return w.linked(ctx, ref.String(), func(other connectors.Ref) bool {
		_, known := missing[other]
		return !known && other != ref && other.Collection == ref.Collection
	})
}

// linked are a few records of links that are carried out, of those that may be
// taken: scattered over all of them, and for the same seed the same ones.
func (w *Watch) linked(ctx context.Context, seed string, may func(connectors.Ref) bool) ([]witness, error) {
	some, order := []witness{}, map[connectors.Ref]uint64{}
	err := w.links.Each(ctx, func(l links.Stored) error {
		if l.Phase != links.Active || l.Missing != nil || l.Target == nil {
			return nil
		}
		for _, ref := range []connectors.Ref{l.Source, *l.Target} {
			if _, taken := order[ref]; taken || !may(ref) {
				continue
			}
			h := fnv.New64a()
			_, _ = h.Write([]byte(seed + "\x00" + ref.String()))
			order[ref] = h.Sum64()
			some = append(some, witness{ref: ref, source: l.Source})
		}
		if len(some) > 2*witnesses {
			some = first(some, order)
		}
		return nil
	})
	return first(some, order), err
}

// first are the witnesses that come first in an order; the others are taken out
// of it.
func first(some []witness, order map[connectors.Ref]uint64) []witness {
	slices.SortFunc(some, func(a, b witness) int { return cmp.Compare(order[a.ref], order[b.ref]) })
	if len(some) <= witnesses {
		return some
	}
	for _, dropped := range some[witnesses:] {
		delete(order, dropped.ref)
	}
	return some[:witnesses]
}
