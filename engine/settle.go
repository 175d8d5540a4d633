package engine

import (
	"context"
	"fmt"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// settle finds out what became of an intent whose answer nobody saw, from
// evidence; it is never replayed. What the merge then sees is as if the answer
// had come, or the request had not been sent.
func (w *work) settle(ctx context.Context, s *sending, decision rules.Decision) error {
	intent := s.next.Intent
	s.next.Intent = nil
	to := links.Side(intent.Side)
	e := s.ends.Of(to)
	if len(intent.Fields) == 0 && intent.State == nil {
		return nil // items: their copies are looked for
	}
	values := decision.Values
	if to == links.Source {
		values = decision.Inbound
	}
	if e.Writer() == nil {
		return nil // it takes no writes any more
	}
	mappings, _, err := w.render(ctx, e, to, values, &links.Link{Fields: map[string]links.Agreement{}})
	if err != nil {
		return err
	}
	known := map[string]plan.Mapping{}
	for _, m := range mappings {
		known[m.Name] = m
	}
	done, notes := plan.SettleFields(intent, e, known, s.next.Fields, w.engine.digest)
	s.entry.Notes = append(s.entry.Notes, notes...)

	as := *s.ends // as they were when the request was done
	for _, f := range done {
		*as.Of(to) = as.Of(to).With(f.Mapping.Path, f.Value)
	}
	w.agreePartners(s, &as, done)
	if intent.State != nil {
		if written, _ := e.Evidence(intent, fmt.Sprint(plan.FieldAt(e.Record, intent.StatePath)) != intent.StateWas); written {
			s.next.State = intent.State
		}
	}
	return nil
}
