package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
)

// An item is one thing that may have to be carried to the other side.
type item struct {
	key    string
	at     time.Time
	name   string   // as people call it; may be contents
	copies []string // marks by which copies are known, one is enough
	// drop says why the item is not carried, empty: it is. It may do I/O.
	drop func(ctx context.Context) (string, error)
	// send carries it, in one request.
	send func(ctx context.Context) (connectors.Posted, error)
}

// A transfer carries one kind of item in one direction, each once.
type transfer struct {
	name   string // in the link, and in the journal: "comments.inbound"
	to     links.Side
	verb   string // for metrics: "comment", "attach"
	always bool   // also what was there before the link knew of this transfer

	// list lists the items that are there to carry, oldest first; copies what
	// stands on the other side already, by mark. Both ask the systems.
	list   func(ctx context.Context, since time.Time) ([]item, error)
	copies func(ctx context.Context) (map[string][]string, error)
}

// refusalName is what a refused item is called among the refusals of a link.
func refusalName(h transfer, key string) string { return links.ItemPrefix + h.name + "/" + key }

// runTransfers carries the items of all transfers. A result means that an
// answer was lost; an error, that a request was certainly not done.
func (w transfers) runTransfers(ctx context.Context, s *sending, wanted []transfer) (*result, error) {
	kept := map[string]bool{}
	for _, h := range wanted {
		kept[h.name] = true
	}
	maps.DeleteFunc(s.Link.Items, func(name string, _ *links.Items) bool { return !kept[name] })
	for _, h := range wanted {
		v, err := w.runTransfer(ctx, s, h)
		var said *connectors.Error
		if errors.As(err, &said) && (said.Class == connectors.ClassRejected || said.Class == connectors.ClassForbidden) {
			// It may not be read there: the rest goes on.
			s.refused = true
			err = w.refuse(ctx, s, links.ItemPrefix+h.name, s.ItemPair(h.to), plan.Fail("", plan.CodeOf(said, deadletter.ReasonRejected), said.Error()))
		} else if err == nil && v == nil && s.Link.ClearRefusal(links.ItemPrefix+h.name) {
			err = w.engine.Letters.Resolve(ctx, w.route.Name, w.source, h.name)
		}
		if v != nil || err != nil {
			return v, err
		}
	}
	return nil, nil
}

// runTransfer carries what is new of one transfer (rule 7.9).
func (w transfers) runTransfer(ctx context.Context, s *sending, h transfer) (*result, error) {
	known := s.Link.Items[h.name]
	if known == nil {
		known = &links.Items{}
	}
	all, err := h.list(ctx, known.From)
	if err != nil {
		return nil, err
	}
	if s.Link.Items == nil {
		s.Link.Items = map[string]*links.Items{}
	}
	if s.Link.Items[h.name] == nil && !h.always {
		for _, it := range all {
			known = known.With(it.key, links.ItemSeen)
		}
		s.Link.Items[h.name] = known.Compact(listedOf(all), w.engine.Clock.Now())
		return nil, nil
	}
	fresh := slices.DeleteFunc(slices.Clone(all), func(it item) bool {
		_, refused := s.Link.Refusal(refusalName(h, it.key))
		return refused || known.Has(it.listed())
	})
	var send []item
	for _, it := range fresh {
		if it.drop == nil {
			send = append(send, it)
			continue
		}
		reason, err := it.drop(ctx)
		if err != nil {
			return nil, err
		}
		if reason == "" {
			send = append(send, it)
			continue
		}
		known = known.With(it.key, reason)
		if reason != links.ItemSeen {
			s.entry.Notes = append(s.entry.Notes, plan.Note{Field: h.name, What: reason, Lost: it.name, Side: links.Other(h.to)})
		}
	}
	s.Link.Items[h.name] = known
	if len(send) > 0 {
		if v, err := w.sendItems(ctx, s, h, send); v != nil || err != nil {
			return v, err
		}
	}
	s.Link.Items[h.name] = s.Link.Items[h.name].Compact(listedOf(all), w.engine.Clock.Now())
	return nil, nil
}

// sendItems carries items that the link does not know, but for those whose
// copy is found on the other side (rule 7.7).
func (w transfers) sendItems(ctx context.Context, s *sending, h transfer, fresh []item) (*result, error) {
	copies, err := h.copies(ctx)
	if err != nil {
		return nil, err
	}
	done := func(it item, as string) { s.Link.Items[h.name] = s.Link.Items[h.name].With(it.key, as) }
	var left, unseen []item
	for _, it := range fresh {
		found := it.found(copies)
		if len(found) == 0 {
			left = append(left, it)
			continue
		}
		done(it, found[0])
		if len(found) > 1 {
			s.entry.Notes = append(s.entry.Notes, plan.Note{Field: h.name, What: noteDuplicate, Side: h.to})
		}
	}
	e := s.Ends.Of(h.to)
	var lent *lease
	for i, it := range left {
		if err := w.stillAllowed(ctx, s.sent); err != nil {
			return nil, err
		}
		if i == 0 || !lent.within(leaseTime/2) {
			intent := &links.Intent{ID: newStamp(), Side: string(h.to), ReadVersion: e.Record.Version, Fields: map[string]links.Sent{}}
			for _, it := range left[i:] {
				intent.Items = append(intent.Items, h.name+"/"+it.key)
			}
			lent = w.newLease(func(ctx context.Context) error { return w.saveIntent(ctx, s, intent) })
			if err := lent.take(ctx); err != nil {
				return nil, err
			}
		}
		posted, err := breaker.Ask(w.breakerOf(e), h.verb, func() (connectors.Posted, error) {
			if err := lent.check(ctx); err != nil {
				return connectors.Posted{}, err
			}
			return it.send(connectors.WithLease(ctx, lent))
		})
		s.sent = true
		var said *connectors.Error
		switch {
		case err == nil:
			w.engine.step(ctx, StepCarried)
			w.engine.Metrics.Wrote(e.Ref.Connector, h.verb)
			s.carried = true
			if posted.Version != "" {
				e.Record.Version = posted.Version
			}
			s.entry.Writes = append(s.entry.Writes, h.name)
			// What the answer does not tell counts as carried only once it is seen,
			// also for those who go on from what is saved before that.
			switch {
			case posted.ID != "":
				done(it, posted.ID)
			case posted.Held:
				done(it, itemHeld)
			default:
				unseen = append(unseen, it)
			}
		case !errors.As(err, &said) || said.Class == connectors.ClassUnclear:
			return w.answerLost(ctx, s, h.verb, err)
		case said.Class == connectors.ClassRejected:
			s.refused = true
			if err := w.refuseItem(ctx, s, h, it, plan.CodeOf(said, deadletter.ReasonRejected), said.Error()); err != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
	return nil, w.readBack(ctx, s, h, unseen)
}

// itemHeld stands for the id of a copy whose system does not tell it.
const itemHeld = "held"

// readBack looks for copies whose answer did not tell whether they are there:
// some systems drop them without a word.
func (w transfers) readBack(ctx context.Context, s *sending, h transfer, sent []item) error {
	if len(sent) == 0 {
		return nil
	}
	copies, err := h.copies(ctx)
	if err != nil {
		return err
	}
	for _, it := range sent {
		if found := it.found(copies); len(found) > 0 {
			s.Link.Items[h.name] = s.Link.Items[h.name].With(it.key, found[0])
			continue
		}
		s.refused = true
		message := fmt.Sprintf("%s answered as if it had taken %s, and does not hold it; a record that is closed drops what is added to it. It is tried again when the state of the record changes", s.Ends.Of(h.to).Ref, h.name)
		if err := w.refuseItem(ctx, s, h, it, deadletter.ReasonDidNotStick, message); err != nil {
			return err
		}
	}
	return nil
}

func (w transfers) refuseItem(ctx context.Context, s *sending, h transfer, it item, reason, message string) error {
	return w.refuse(ctx, s, refusalName(h, it.key), s.ItemPair(h.to), plan.Fail("", reason, message))
}

func (it item) listed() links.Listed { return links.Listed{Key: it.key, At: it.at} }

func listedOf(all []item) []links.Listed {
	listed := make([]links.Listed, len(all))
	for i, it := range all {
		listed[i] = it.listed()
	}
	return listed
}

// found are the copies of an item.
func (it item) found(copies map[string][]string) []string {
	for _, mark := range it.copies {
		if ids := copies[mark]; len(ids) > 0 {
			return ids
		}
	}
	return nil
}
