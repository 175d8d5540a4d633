package memory

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

const (
	deliveryMemory = 24 * time.Hour
	ackWait        = store.HintWait
)

// hints keeps the newest hint of every record that some place waits for.
type hints struct {
	clock store.Clock
	// stepped hints are delivered by Steps alone: nothing here waits for the
	// clock, or runs by itself.
	stepped    bool
	delivering sync.Mutex // held while a stepped hint is delivered

	mu         sync.Mutex
	log        string // of positions
	sequence   uint64
	newest     map[connectors.Ref]*message // of every record, for places that are made later
	made       int                         // places
	places     map[string]*place
	scheduled  map[string]scheduled // by slot
	deliveries map[delivery]time.Time
}

type scheduled struct {
	sequence uint64
	ref      connectors.Ref
	at       time.Time
	tries    int
}

type delivery struct {
	id  string
	ref connectors.Ref
}

// A place is the durable place of a name.
type place struct {
	order   int // of the places, by when they were made
	source  connectors.Collection
	live    map[connectors.Ref]*message // not acknowledged, replaced or forgotten
	waiting []*message                  // to be delivered, in this order; some no longer live
	wake    chan struct{}               // closed and replaced when waiting grows
	deliver func(store.Hint)            // of stepped hints; nil: nobody consumes
}

// A message is a hint at one place, until it is acknowledged, replaced by a
// newer one of its record, or forgotten.
type message struct {
	ref      connectors.Ref
	at       time.Time
	slot     string
	tries    int
	sequence uint64        // by when it was added; of one hint the same at every place
	deadline time.Time     // of one in work: it is delivered again then
	over     chan struct{} // closed when it is no longer live
}

func newHints(clock store.Clock, stepped bool) *hints {
	return &hints{
		clock:      clock,
		stepped:    stepped,
		log:        rand.Text(),
		newest:     map[connectors.Ref]*message{},
		places:     map[string]*place{},
		scheduled:  map[string]scheduled{},
		deliveries: map[delivery]time.Time{},
	}
}

func (h *hints) Add(ctx context.Context, ref connectors.Ref, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.clock.Now()
	if id != "" {
		maps.DeleteFunc(h.deliveries, func(_ delivery, at time.Time) bool { return now.Sub(at) >= deliveryMemory })
		d := delivery{id, ref}
		if _, seen := h.deliveries[d]; seen {
			return nil
		}
		h.deliveries[d] = now
	}
	h.add(ref, "", 0)
	return nil
}

// add puts a hint at every place of its source; h.mu is held.
func (h *hints) add(ref connectors.Ref, slot string, tries int) {
	h.sequence++
	m := message{ref: ref, at: h.clock.Now(), slot: slot, tries: tries, sequence: h.sequence}
	h.newest[ref] = &m
	for _, p := range h.places {
		if p.source == ref.Collection {
			p.add(m)
		}
	}
}

// add puts a hint at a place; it replaces the one of its record.
func (p *place) add(m message) {
	p.remove(m.ref)
	m.over = make(chan struct{})
	p.live[m.ref] = &m
	p.wait(&m)
}

// wait queues a message for delivery.
func (p *place) wait(m *message) {
	p.waiting = append(p.waiting, m)
	close(p.wake)
	p.wake = make(chan struct{})
}

// remove ends the hint of a record, if there is one.
func (p *place) remove(ref connectors.Ref) {
	if m := p.live[ref]; m != nil {
		close(m.over)
		delete(p.live, ref)
	}
}

func (h *hints) AddAt(ctx context.Context, slot string, ref connectors.Ref, at time.Time, tries int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sequence++
	h.scheduled[slot] = scheduled{sequence: h.sequence, ref: ref, at: at, tries: tries}
	if wait := at.Sub(h.clock.Now()); wait > 0 {
		if h.stepped {
			return nil
		}
		due := h.clock.After(wait)
		go func() {
			<-due
			h.mu.Lock()
			defer h.mu.Unlock()
			h.fire()
		}()
		return nil
	}
	h.fire()
	return nil
}

// fire adds what is due by the clock; h.mu is held. Everything that looks at
// places calls it first, so that nobody who has moved the clock sees a quiet
// store because a goroutine has not had its turn.
func (h *hints) fire() {
	now := h.clock.Now()
	due := slices.SortedFunc(maps.Keys(h.scheduled), func(a, b string) int {
		one, other := h.scheduled[a], h.scheduled[b]
		return cmp.Or(one.at.Compare(other.at), cmp.Compare(one.sequence, other.sequence))
	})
	for _, slot := range due {
		s := h.scheduled[slot]
		if s.at.After(now) {
			return
		}
		delete(h.scheduled, slot)
		h.add(s.ref, slot, s.tries)
	}
}

func (h *hints) Consume(ctx context.Context, name string, source connectors.Collection, begin func(context.Context) (store.Position, error), deliver func(store.Hint)) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	p := h.places[name]
	if p == nil || p.source != source {
		h.mu.Unlock()
		from, err := begin(ctx)
		if err != nil {
			return nil, err
		}
		h.mu.Lock()
		if p = h.places[name]; p == nil || p.source != source {
			p = h.make(name, source, from)
		}
	}
	if h.stepped {
		defer h.mu.Unlock()
		return h.step(p, deliver), nil
	}
	h.mu.Unlock()

	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			m, wake := h.take(p)
			if m != nil {
				deliver(h.hint(p, m))
				continue
			}
			select {
			case <-wake:
			case <-stop:
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		<-done
	}), nil
}

// make makes a place at a position; h.mu is held.
func (h *hints) make(name string, source connectors.Collection, from store.Position) *place {
	h.fire() // what was due before comes before
	if old := h.places[name]; old != nil {
		old.clear()
	}
	h.made++
	p := &place{order: h.made, source: source, live: map[connectors.Ref]*message{}, wake: make(chan struct{})}
	h.places[name] = p
	if !from.In(h.end()) {
		from.Last = 0
	}
	for _, m := range slices.SortedFunc(maps.Values(h.newest), func(a, b *message) int { return cmp.Compare(a.sequence, b.sequence) }) {
		if m.ref.Collection == source && m.sequence > from.Last {
			p.add(*m)
		}
	}
	return p
}

// end is the position after the newest hint; h.mu is held.
func (h *hints) end() store.Position { return store.Position{Log: h.log, Last: h.sequence} }

func (h *hints) End(ctx context.Context) (store.Position, error) {
	if err := ctx.Err(); err != nil {
		return store.Position{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fire()
	return h.end(), nil
}

func (h *hints) Position(ctx context.Context, name string) (store.Position, error) {
	if err := ctx.Err(); err != nil {
		return store.Position{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fire()
	p, at := h.places[name], h.end()
	if p == nil {
		return store.Position{}, store.ErrNotFound
	}
	for _, m := range p.live {
		at.Last = min(at.Last, m.sequence-1)
	}
	return at, nil
}

// take hands out the next hint; with none, what to wait for.
func (h *hints) take(p *place) (*message, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fire()
	var m *message
	for m == nil {
		if len(p.waiting) == 0 {
			return nil, p.wake
		}
		if next := p.waiting[0]; p.live[next.ref] == next {
			m = next
		}
		p.waiting = p.waiting[1:]
	}
	m.deadline = h.clock.Now().Add(ackWait)
	if !h.stepped {
		go h.redeliver(p, m, h.clock.After(ackWait))
	}
	return m, nil
}

// redeliver puts a hint back that is neither acknowledged nor kept in time.
func (h *hints) redeliver(p *place, m *message, due <-chan time.Time) {
	for {
		select {
		case <-m.over:
			return
		case <-due:
		}
		h.mu.Lock()
		if p.live[m.ref] != m { // acknowledged or replaced this very moment
			h.mu.Unlock()
			return
		}
		left := m.deadline.Sub(h.clock.Now())
		if left <= 0 {
			p.wait(m)
			h.mu.Unlock()
			return
		}
		due = h.clock.After(left)
		h.mu.Unlock()
	}
}

func (h *hints) hint(p *place, m *message) store.Hint {
	// A message handed out may have gone back to waiting; acknowledging it
	// then still means that it is done.
	return store.Hint{
		Ref: m.ref, At: m.at, Slot: m.slot, Tries: m.tries,
		Ack: func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			if p.live[m.ref] == m {
				p.remove(m.ref)
			}
		},
		Keep: func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			m.deadline = h.clock.Now().Add(ackWait)
		},
	}
}

// clear ends what waits at a place that was removed.
func (p *place) clear() {
	for ref := range p.live {
		p.remove(ref)
	}
}

func (h *hints) Forget(ctx context.Context, name string, deadLetter func(connectors.Ref) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h.mu.Lock()
	h.fire()
	p := h.places[name]
	var pending []connectors.Ref
	if p != nil {
		pending = slices.Collect(maps.Keys(p.live))
	}
	h.mu.Unlock()
	for _, ref := range pending {
		if err := deadLetter(ref); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if p != nil && h.places[name] == p {
		delete(h.places, name)
		p.clear()
	}
	return nil
}

func (h *hints) Names(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.places)), nil
}

func (h *hints) Backlog(ctx context.Context, name string) (int, time.Time, error) {
	if err := ctx.Err(); err != nil {
		return 0, time.Time{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fire()
	p := h.places[name]
	if p == nil {
		return 0, time.Time{}, nil
	}
	var oldest time.Time
	for _, m := range p.live {
		if oldest.IsZero() || m.at.Before(oldest) {
			oldest = m.at
		}
	}
	return len(p.live), oldest, nil
}
