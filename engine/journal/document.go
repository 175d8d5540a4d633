package journal

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// documentVersion is the version of the document that this build writes. Older
// builds wrote the same one without a version.
const documentVersion = 1

// A document is how an entry is stored. What the API shows is an Entry.
type document struct {
	V          int            `json:"v"`
	At         time.Time      `json:"at"`
	Generation string         `json:"generation"`
	Commit     string         `json:"commit,omitempty"`
	Route      string         `json:"route"`
	Record     connectors.Ref `json:"record"`
	Template   string         `json:"template,omitempty"`
	Action     string         `json:"action"`
	Reason     string         `json:"reason,omitempty"`
	Error      string         `json:"error,omitempty"`
	Writes     []string       `json:"writes"`
	Link       string         `json:"link,omitempty"`
	Target     connectors.Ref `json:"target,omitzero"`
	Notes      []plan.Note    `json:"notes,omitempty"`
	Snapshot   *Snapshot      `json:"snapshot,omitempty"`
}

func encode(e Entry) ([]byte, error) {
	return json.Marshal(document{
		V: documentVersion, At: e.At, Generation: e.Generation, Commit: e.Commit, Route: e.Route, Record: e.Record, Template: e.Template,
		Action: e.Action, Reason: e.Reason, Error: e.Error, Writes: e.Writes, Link: e.Link, Target: e.Target, Notes: e.Notes, Snapshot: e.Snapshot,
	})
}

func decode(raw []byte) (Entry, error) {
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return Entry{}, store.Unreadable("journal entry", err)
	}
	if d.V > documentVersion {
		return Entry{}, store.UnknownVersion("journal entry", d.V, documentVersion)
	}
	return Entry{
		At: d.At, Generation: d.Generation, Commit: d.Commit, Route: d.Route, Record: d.Record, Template: d.Template,
		Action: d.Action, Reason: d.Reason, Error: d.Error, Writes: d.Writes, Link: d.Link, Target: d.Target, Notes: d.Notes, Snapshot: d.Snapshot,
	}, nil
}

// readable returns the entries that can be read; the others are passed over, counted
// and reported.
func (k *Journal) readable(raw [][]byte) []Entry {
	entries := make([]Entry, 0, len(raw))
	var first error
	for _, one := range raw {
		entry, err := decode(one)
		switch {
		case err == nil:
			entries = append(entries, entry)
		case first == nil:
			first = err
		}
	}
	k.reportUnread(len(raw)-len(entries), first)
	return entries
}

func (k *Journal) reportUnread(n int, first error) {
	if n > 0 {
		k.Warnings.Report("unreadable journal", fmt.Sprintf("%d of the journal's entries cannot be read and are passed over; the first: %v; restore a backup, or run the version that wrote them", n, first))
	}
}
