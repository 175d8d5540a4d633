package connectors

import "time"

// A Record is one thing in a system as a connector read it.
//
// Fields hold only these Go types: nil, bool, int64, float64, string,
// time.Time (UTC), []any, map[string]any, nested at will. A field that the
// system left empty is nil or absent, which mean the same; an empty string is
// never stored where the system does not tell it from nothing.
type Record struct {
	Ref    Ref
	Fields map[string]any

	// Number and URL are what people call it by and where they open it.
	Number string
	URL    string

	// Version changes with every change of the record and is compared for
	// equality only. UpdatedAt and UpdatedBy are of its last change;
	// UpdatedBy is the system's own name for the actor, empty if not known.
	Version   string
	UpdatedAt time.Time
	UpdatedBy string

	// Pristine is true where the system shows that nobody wrote the record
	// since it was created.
	Pristine bool

	// Private records are dropped unless a route opts in; of a ticket that is, no
	// contents go back. A record of which
	// only the id is known (a private event's body) is Private with no Fields.
	Private bool

	// CreatedBy is the system's own name for who created the record, and Foreign
	// is true where that is somebody else than these credentials' own user, or
	// cannot be told. Target.FindByKey sets them.
	CreatedBy string
	Foreign   bool

	// Own is true where the record itself shows that these credentials created it, and
	// so that lockstep opened it, whether it holds a key or not. False says nothing.
	Own bool

	// Parent is the record this one belongs to (a follow-up's incident).
	Parent Ref

	// Key and Stamp are lockstep's own marks in the record, as the system holds
	// them: the key it was created with and the id of the last write. A record that
	// was answered to a create and does not hold the key that was sent cannot be
	// found by it.
	Key   string
	Stamp string
}

// A Lookup is a rendered value that names another record by one of its
// properties, written ref(KEY, VALUE, FALLBACK) in a configuration. The
// connector finds the record when it resolves the value; which table is
// meant, the field says.
type Lookup struct {
	Key   string // property: "email", "user_name", "name"
	Value any    // nil or "": not found
	// HasFallback tells ref(k, v, null) from ref(k, v). Fallback is nil (leave
	// the field alone) or another Lookup; without one, not found is an error.
	HasFallback bool
	Fallback    *Lookup
}
