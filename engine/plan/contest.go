package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// Contested takes note of writes to one side that were answered, and pauses what
// somebody else writes as well (rule 9a.2). changed are the changes of that side;
// it is asked only where a field is contested.
func (o *Observation) Contested(to links.Side, writes []Write, answer connectors.Record, changed func(since time.Time) []connectors.FieldChange) (letters []Failure) {
	now, d, e := o.Now, o.Digest, o.Endpoints.Of(to)
	next := maps.Clone(o.Link.Contests)
	maps.DeleteFunc(next, func(_ string, c links.Contest) bool {
		return !c.Paused(now) && !links.Within(c.Last, now, links.ContestWithin)
	})
	if next == nil {
		next = map[string]links.Contest{}
	}
	for _, f := range writes {
		name := f.Mapping.Name
		c := next[name].After(d.Of(f.Was), d.Of(FieldAt(answer, f.Mapping.Path)), now)
		if len(c.Over) <= links.MostWrites {
			next[name] = c
			continue
		}
		who := whoElse(e, f, changed(c.Over[0]))
		next[name] = links.Contest{Until: now.Add(links.PauseFor).UTC()}
		letters = append(letters, Fail(links.Label(name), deadletter.ReasonContested, fmt.Sprintf(
			"lockstep wrote field %s of %s %d times within %d minutes, and %s put other values in their place: two automations write one field. "+
				"The field rests until %s, or until this is retried; switch one of the two off",
			links.FieldOf(name), e.Ref, len(c.Over), int(links.ContestWithin.Minutes()), who, next[name].Until.Format(time.RFC3339))))
	}
	o.Link.Contests = next
	return letters
}

// whoElse names those who changed a field, as far as the system tells.
func whoElse(e *Endpoint, f Write, changes []connectors.FieldChange) string {
	var names []string
	ours := false
	for _, c := range changes {
		switch {
		case !Touches(c.Field, f.Mapping.Path):
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

// endPauses forgets pauses that are over. It returns their dead letters.
func endPauses(link *links.Link, now time.Time) (ended []Failure) {
	for name, c := range link.Contests {
		if c.Until.IsZero() || c.Paused(now) {
			continue
		}
		link.Contests = maps.Clone(link.Contests)
		delete(link.Contests, name)
		ended = append(ended, Failure{Field: links.Label(name), Reason: deadletter.ReasonContested})
	}
	return ended
}
