package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
)

// contest takes note of writes to one side that were answered, and pauses what
// somebody else writes as well.
func (w sender) contest(ctx context.Context, s *sending, e *plan.End, writes []plan.Write, answer connectors.Record) error {
	now, d := w.engine.Clock.Now(), w.engine.Digest
	next := maps.Clone(s.Link.Contests)
	maps.DeleteFunc(next, func(_ string, c links.Contest) bool {
		return !c.Paused(now) && !links.Within(c.Last, now, links.ContestWithin)
	})
	if next == nil {
		next = map[string]links.Contest{}
	}
	s.Link.Contests = next
	for _, f := range writes {
		name := f.Mapping.Name
		c := next[name].After(d.Of(f.Was), d.Of(plan.FieldAt(answer, f.Mapping.Path)), now)
		if len(c.Over) <= links.MostWrites {
			next[name] = c
			continue
		}
		who := w.whoElse(ctx, e, f, c.Over[0])
		next[name] = links.Contest{Until: now.Add(links.PauseFor).UTC()}
		s.refused = true
		message := fmt.Sprintf("lockstep wrote field %s of %s %d times within %d minutes, and %s put other values in their place: two automations write one field. "+
			"The field rests until %s, or until this is retried; switch one of the two off",
			links.FieldOf(name), e.Ref, len(c.Over), int(links.ContestWithin.Minutes()), who, next[name].Until.Format(time.RFC3339))
		if err := w.giveUp(ctx, deadletter.ReasonContested, links.Label(name), message); err != nil {
			return err
		}
	}
	return nil
}

// whoElse names those who changed a field since, as far as the system tells.
func (w observer) whoElse(ctx context.Context, e *plan.End, f plan.Write, since time.Time) string {
	changes, _, err := w.history(ctx, e, since)
	var names []string
	ours := false
	for _, c := range changes {
		switch {
		case err != nil || !plan.Touches(c.Field, f.Mapping.Path):
		case c.Ours:
			ours = true
		case c.By != "" && !slices.Contains(names, c.By):
			names = append(names, c.By)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) > 0:
		return strings.Join(names[:min(len(names), 3)], ", ")
	case ours:
		return "lockstep itself, for another link of this record,"
	case e.Record.UpdatedBy != "":
		return e.Record.UpdatedBy
	}
	return "somebody"
}

// clearPauses forgets pauses that are over, with their dead letters.
func (w committer) clearPauses(ctx context.Context, link *links.Link) error {
	now := w.engine.Clock.Now()
	for name, c := range link.Contests {
		if c.Until.IsZero() || c.Paused(now) {
			continue
		}
		link.Contests = maps.Clone(link.Contests)
		delete(link.Contests, name)
		if err := w.engine.Letters.Remove(ctx, w.route.Name, w.source, links.Label(name), deadletter.ReasonContested); err != nil {
			return err
		}
	}
	return nil
}
