package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/names"
)

// A RecordView is a record as its system gives it now.
type RecordView struct {
	Record    connectors.Ref  `json:"record"`
	Name      string          `json:"name"`
	URL       string          `json:"url"`
	Private   bool            `json:"private"`
	Version   string          `json:"version"`
	UpdatedAt time.Time       `json:"updated_at,omitzero"`
	Parent    *connectors.Ref `json:"parent,omitempty"`
	Fields    map[string]any  `json:"fields"`
	// Inputs are what the rules are asked about the record, by route, if they were
	// asked for.
	Inputs map[string]*journal.Snapshot `json:"inputs,omitempty"`
}

// A PrivateError says that a record is private, and that no route takes it.
type PrivateError struct{ Record connectors.Ref }

func (e *PrivateError) Error() string {
	return fmt.Sprintf("%s is private, and no route takes private records of %s", e.Record, e.Record.Collection)
}

// ReadRecord reads the record that a name means, as its system gives it now.
func (q *inquiries) ReadRecord(ctx context.Context, name string) (RecordView, error) {
	m, err := q.names.One(ctx, name)
	if err != nil {
		return RecordView{}, err
	}
	record, inputs, err := q.core.Inputs(ctx, m.Record)
	if connectors.IsClass(err, connectors.ClassGone) {
		return RecordView{}, &NothingError{What: "record any more", Match: m}
	}
	if err != nil {
		return RecordView{}, err
	}
	if !names.Admits(q.core.Config.Load().Set, record) {
		return RecordView{}, &PrivateError{record.Ref}
	}
	v := RecordView{
		Record: record.Ref, Name: record.Number, URL: record.URL, Private: record.Private, Version: record.Version,
		UpdatedAt: record.UpdatedAt.UTC(), Fields: record.Fields, Inputs: inputs,
	}
	if !record.Parent.IsZero() {
		v.Parent = &record.Parent
	}
	if v.Fields == nil {
		v.Fields = map[string]any{}
	}
	return v, nil
}
