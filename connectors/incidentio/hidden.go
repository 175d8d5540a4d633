package incidentio

import (
	"sync/atomic"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/cache"
)

// What is known of records that a key cannot see because they are private: a key
// without that permission is answered 404, as if they did not exist, and nothing in
// the API says whether a key has it.
type hidden struct {
	// seen is true once the key was shown a private incident.
	seen atomic.Bool
	// told are the ids of incidents that a webhook called private.
	told *cache.Cache[string, bool]
}

// shown takes note of an incident that was read.
func (h *hidden) shown(incident connectors.Record) {
	if incident.Private {
		h.seen.Store(true)
	}
	h.told.Forget(incident.Ref.ID)
}

// Hides reports whether a record that reads as not found may have turned private.
func (c *Connector) Hides(connectors.Ref) bool { return !c.hidden.seen.Load() }

// private is an incident that cannot be read, and of which a webhook said that it is
// private; false: none did.
func (c *Connector) private(ref connectors.Ref) (connectors.Record, bool) {
	_, told := c.hidden.told.Peek(ref.ID) // however long ago
	return connectors.Record{Ref: ref, Private: true}, told
}
