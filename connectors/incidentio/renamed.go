package incidentio

import (
	"slices"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// tellAgain is how often one name is told of: one that was archived is in no list
// and stands in records all the same.
const tellAgain = time.Hour

// A nameWatch tells of names in records that the account's lists did not have when
// they were read.
type nameWatch struct {
	renamed func() // nil: nobody wants to know

	mu   sync.Mutex
	told map[string]time.Time
}

// watchNames compares the names in an incident with the lists as they were read
// last. It asks nothing.
func (c *Connector) watchNames(incident connectors.Record) {
	if c.watch.renamed == nil {
		return
	}
	for _, path := range []string{"severity", "incident_type", "incident_status"} {
		c.watch.compare(c.known(directories()["incident/"+path]), path, values.TextAt(incident.Fields, path, "name"))
	}
	fields, _ := incident.Fields[customFieldsField].(map[string]any)
	for name := range fields {
		c.watch.compare(c.known(directories()["incident/"+customFieldsField]), customFieldsField, name)
	}
}

func (w *nameWatch) compare(last *reading, of, name string) {
	if last == nil || last.forbidden || name == "" || slices.Contains(last.names(), name) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key, now := of+"\x00"+name, time.Now()
	if at, known := w.told[key]; known && now.Sub(at) < tellAgain {
		return
	}
	if w.told == nil || len(w.told) >= listBound {
		w.told = map[string]time.Time{}
	}
	w.told[key] = now
	w.renamed()
}
