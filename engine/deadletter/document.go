package deadletter

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// documentVersion is the version of the document that this build writes. Older
// builds wrote the same one without a version, and with the key in it.
const documentVersion = 1

// A document is how a dead letter is stored, under its ID. What the API shows
// is a Letter.
type document struct {
	V       int            `json:"v"`
	Route   string         `json:"route"`
	Record  connectors.Ref `json:"record"`
	Reason  string         `json:"reason"`
	Field   string         `json:"field,omitempty"`
	Message string         `json:"message"`
	At      time.Time      `json:"at"`
}

func encode(d Letter) ([]byte, error) {
	return json.Marshal(document{
		V: documentVersion, Route: d.Route, Record: d.Record, Reason: d.Reason, Field: d.Field, Message: d.Message, At: d.At,
	})
}

func (l *Queue) save(ctx context.Context, d Letter) error {
	value, err := encode(d)
	if err == nil {
		_, err = l.bucket.Put(ctx, d.ID, value)
	}
	if err != nil {
		return fmt.Errorf("dead letter %s: %w", d.ID, err)
	}
	return nil
}

func decode(entry store.Entry) (Letter, error) {
	var d document
	if err := json.Unmarshal(entry.Value, &d); err != nil {
		return Letter{}, store.Unreadable("dead letter "+entry.Key, err)
	}
	if d.V > documentVersion {
		return Letter{}, store.UnknownVersion("dead letter "+entry.Key, d.V, documentVersion)
	}
	return Letter{ID: entry.Key, Route: d.Route, Record: d.Record, Reason: d.Reason, Field: d.Field, Message: d.Message, At: d.At}, nil
}
