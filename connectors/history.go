package connectors

import (
	"context"
	"time"
)

// A VersionOrder knows which versions of a record follow each other. It does
// no I/O.
type VersionOrder interface {
	// Follows reports whether after is the very next version of before, so that
	// nobody wrote in between; known is false where the versions do not tell.
	Follows(before, after string) (next, known bool)
}

// A FieldChange is one change of one field.
type FieldChange struct {
	Field    string // as mappings name it: "summary", "custom_fields/Team"
	Old, New any    // as in a Record; nil where the system does not tell
	At       time.Time
	By       string // as people know them
	Ours     bool   // these credentials made it
}

// A HistoryReader remembers who changed which field of a record.
type HistoryReader interface {
	// History lists the changes of the record at or after since, oldest first.
	History(ctx context.Context, record Record, since time.Time) ([]FieldChange, error)
}
