package reconcile

import (
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/queue"
)

// laneOf is the lane of what becomes of a link, or of a record without one, in
// a turn: one that has waited for a ticket's system to open a ticket is there
// already.
func (c *Running) laneOf(t *queue.Turn, link links.Stored) queue.Lane {
	l := queue.Lane{Source: t.Key.Source.Connector}
	switch {
	case link.Link == nil && t.Lane.Source == l.Source:
		return t.Lane
	case link.Link == nil:
	case link.Opened != nil:
		l.Target = connectorOf(link.Opened.Into)
	case link.Target != nil && (link.Phase != links.Detached || link.Lost()) && !c.Orphaned(link.Link):
		l.Target = link.Target.Connector
	}
	return l
}
