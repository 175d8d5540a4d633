package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/plan"
)

// abilitiesOf returns what can be written to a system.
func abilitiesOf(c connectors.Connector) (a plan.Abilities) {
	_, a.Fields = c.(connectors.Writer)
	_, a.Comments = c.(connectors.Commenter)
	_, a.Files = c.(connectors.FileWriter)
	if once, ok := c.(connectors.OnceCommenter); ok {
		a.CommentsOnce = once.CommentsOnce()
	}
	return a
}

// A request is one write to one system, with what is done around it.
type request struct {
	to     *breaker.Breaker
	verb   string // for metrics: "create", "update", "comment" or "attach"
	record string // type of the record; empty: the kind of call is the verb
	step   Step   // that is reached when it is answered
	lease  *lease // whose save says what is about to be sent
	// One of these is sent.
	draft  *connectors.Draft
	change *connectors.Change
	item   *plan.Item

	into connectors.Record // that an item is added to
	from *plan.Endpoint    // that a file is read from

	// answered and refused say what follows.
	answered func(context.Context, answer) (change, error)
	refused  func(*connectors.Error) change
}

// An answer is what a system says of a write that it has done.
type answer struct {
	record connectors.Record         // of a creation or update
	posted connectors.CommentReceipt // of an item
}

// An outcome is what became of a request.
type outcome int

const (
	notSent  outcome = iota // certainly not done; the error says why
	answered                // done, and what follows from it is stored
	refused                 // for good, and what follows from it is stored
	lost                    // nobody knows; the error says why
)

// apply sends one request. Nothing else writes to a system. Whatever belongs to
// a write is done here, around every one of them (rules 3.7 to 3.10): the record's
// privacy is looked at, what is about to be sent is saved and is the lease, the
// lease is held as the last thing before the request, the connector's breaker
// hears of it, and what follows from the answer is committed.
func (w applier) apply(ctx context.Context, r request) (outcome, error) {
	if err := w.stillAllowed(ctx, w.sent); err != nil {
		return notSent, err
	}
	if !r.lease.taken() {
		if err := r.lease.take(ctx); err != nil {
			return notSent, err
		}
	}
	got, err := breaker.Ask(ctx, r.to, breaker.Kind(r.verb, r.record), func() (answer, error) {
		if err := r.lease.check(ctx); err != nil {
			return answer{}, err
		}
		return r.send(connectors.WithLease(ctx, r.lease))
	})
	w.sent = true
	said, known := errors.AsType[*connectors.Error](err)
	switch {
	case err == nil:
		w.engine.step(ctx, r.step)
		w.engine.Metrics.Wrote(r.to.Name, r.verb)
		c, err := r.answered(ctx, got)
		if err == nil {
			err = w.commit(ctx, c)
		}
		return answered, err
	case !known, said.Class == connectors.ClassUnclear:
		w.log.Warn("write outcome unknown; it is settled later", "verb", r.verb, "error", breaker.Redact(err))
		return lost, err
	case said.Class == connectors.ClassRejected, said.Class == connectors.ClassGone && r.draft != nil:
		return refused, w.commit(ctx, r.refused(said))
	}
	return notSent, err
}

// send is the one call of a connector that writes.
func (r request) send(ctx context.Context) (answer, error) {
	switch {
	case r.draft != nil:
		target, ok := r.to.Connector.(connectors.Target)
		if !ok {
			return answer{}, r.impossible()
		}
		record, err := target.Create(ctx, *r.draft)
		return answer{record: record}, err
	case r.change != nil:
		writer, ok := r.to.Connector.(connectors.Writer)
		if !ok {
			return answer{}, r.impossible()
		}
		record, err := writer.Update(ctx, *r.change)
		return answer{record: record}, err
	}
	posted, err := r.sendItem(ctx)
	return answer{posted: posted}, err
}

func (r request) sendItem(ctx context.Context) (connectors.CommentReceipt, error) {
	switch it := r.item; {
	case it.Post != nil:
		if commenter, ok := r.to.Connector.(connectors.Commenter); ok {
			post := *it.Post
			post.Record = r.into
			return commenter.Comment(ctx, post)
		}
	case it.Link != nil:
		if linker, ok := r.to.Connector.(connectors.WebLinker); ok {
			return connectors.CommentReceipt{ID: plan.ItemLinked}, linker.AddWebLink(ctx, r.into, *it.Link)
		}
	default:
		writer, writes := r.to.Connector.(connectors.FileWriter)
		reader, reads := r.from.System.(connectors.FileReader)
		if writes && reads {
			content, err := reader.OpenFile(ctx, r.from.Record, *it.File)
			if err != nil {
				return connectors.CommentReceipt{}, err
			}
			defer content.Close()
			made, err := writer.AddFile(ctx, r.into, *it.File, content)
			return connectors.CommentReceipt{ID: made.ID}, err
		}
	}
	return connectors.CommentReceipt{}, r.impossible()
}

func (r request) impossible() error {
	return &connectors.Error{Class: connectors.ClassRejected, Op: r.verb, Record: r.to.Name, Message: fmt.Sprintf("%s takes no %s", r.to.Name, r.verb)}
}
