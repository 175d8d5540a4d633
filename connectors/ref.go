package connectors

import (
	"fmt"
	"strings"
)

// A Collection is one record type of one configured connector, written
// "incidentio.acme.incident". Routes read from one, templates write to one.
type Collection struct {
	Type      string // connector type: "incidentio"
	Connector string // the name given to it in the configuration: "acme"
	Record    string // record type: "incident"
}

func (c Collection) String() string {
	return c.Type + "." + c.Connector + "." + c.Record
}

// Ref names the record of c with the given id.
func (c Collection) Ref(id string) Ref { return Ref{Collection: c, ID: id} }

// ParseCollection reads what Collection.String writes.
func ParseCollection(s string) (Collection, error) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return Collection{}, fmt.Errorf("%q is not a record type: expected TYPE.NAME.RECORD, as incidentio.acme.incident", s)
	}
	return Collection{Type: parts[0], Connector: parts[1], Record: parts[2]}, nil
}

// A Ref names one record: "incidentio.acme.incident/01FDAG4SAP5TYPT98WGR2N7W91".
// The zero Ref names nothing.
type Ref struct {
	Collection
	ID string
}

func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return r.Collection.String() + "/" + r.ID
}

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// ParseRef reads what Ref.String writes. An id may hold any character.
func ParseRef(s string) (Ref, error) {
	collection, id, found := strings.Cut(s, "/")
	if !found || id == "" {
		return Ref{}, fmt.Errorf("%q is not a ref: expected TYPE.NAME.RECORD/ID, as incidentio.acme.incident/01FDAG4SAP5TYPT98WGR2N7W91", s)
	}
	c, err := ParseCollection(collection)
	if err != nil {
		return Ref{}, fmt.Errorf("%q is not a ref: expected TYPE.NAME.RECORD/ID, as incidentio.acme.incident/01FDAG4SAP5TYPT98WGR2N7W91", s)
	}
	return c.Ref(id), nil
}

// MarshalText writes the ref as String does.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes; empty text is the zero Ref.
func (r *Ref) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Ref{}
		return nil
	}
	parsed, err := ParseRef(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}
