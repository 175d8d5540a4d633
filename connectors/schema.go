package connectors

// Kind is the kind of value a Type describes.
type Kind int

// The kinds. String is one line of plain text; Text may have many lines and is
// Markdown in rules; Reference is the id of another record.
const (
	Any Kind = iota
	String
	Text
	Int
	Double
	Bool
	Time
	Reference
	List
	Map
	Object
)

func (k Kind) String() string {
	return [...]string{"any value", "string", "text", "int", "double", "bool", "timestamp", "reference", "list", "map", "object"}[k]
}

// A Type describes a value. Every value may also be null.
type Type struct {
	Kind   Kind
	Elem   *Type           // of List and Map (whose keys are strings)
	Name   string          // of Object: unique within the schema, used in messages
	Fields map[string]Type // of Object
	OneOf  []string        // of String: all values that there are; nil: any
}

// ListOf is a list whose elements are t.
func ListOf(t Type) Type { return Type{Kind: List, Elem: &t} }

// MapOf is a map from strings to t.
func MapOf(t Type) Type { return Type{Kind: Map, Elem: &t} }

// ObjectOf is an object type with the given name and fields.
func ObjectOf(name string, fields map[string]Type) Type {
	return Type{Kind: Object, Name: name, Fields: fields}
}

// A Choice is one value of a choice list. Value is as in a Record.
type Choice struct {
	Value any
	Label string
}

// A Field is one field of a record type.
type Field struct {
	Type        Type
	Description string
	// WriteType is the type of what is written where it differs from what is
	// read: an incident's severity is read as an object and written as its
	// name. nil: what is written has Type.
	WriteType *Type

	// Write says when a template may set the field.
	Write Write
	// OnMove is true for a field that can only be written together with the
	// record's state (a resolution): a template's once keeps it for then.
	OnMove bool
	// Required warns at load time when a template sets the field nowhere. Mandatory: the
	// system opens no record in which it is empty.
	Required  bool
	Mandatory bool
	// MaxLength in characters; 0 is unlimited. Longer text is cut.
	MaxLength int
	// Choices, if any, are the values the field takes. With InstanceChoices
	// they are the vendor's defaults and only the instance knows them all.
	Choices         []Choice
	InstanceChoices bool
	// Lookups are the properties that ref() may name (of a Reference, or a
	// list or map of them); nil where ref() does not fit the field.
	Lookups []string
	// Reserved explains why a rule must not write the field (lockstep's own
	// marks); empty otherwise.
	Reserved string
}

// Writes returns the type of what is written to the field.
func (f Field) Writes() Type {
	if f.WriteType != nil {
		return *f.WriteType
	}
	return f.Type
}

// Write says when a field may be written.
type Write int

// When a field may be written.
const (
	ReadOnly Write = iota
	AtCreation
	Always
	AfterCreation // of a record that is there: a creation takes no such field
)

// Unknown says what a field name means that a schema does not list.
type Unknown int

// What an unlisted field name is. SuspectUnknown is an error near a listed
// name and a warning elsewhere.
const (
	RejectUnknown Unknown = iota
	SuspectUnknown
	AllowUnknown
)

// A StateField describes the state of a record type, for state tables.
type StateField struct {
	// Field is the dotted path of the raw state in a record: "state",
	// "incident_status.name".
	Field string
	// Category is the dotted path of the state's category, if it has one; a
	// column value "category:X" stands for every state of category X.
	Category string
	// Known are the column values a table should cover; nil: not known.
	Known []string
	// Closed are the column values in which a record is closed: going back from
	// them is a reopening. nil: not known, and then the last state of a table is.
	Closed []string
	// Demands are the fields that a record needs to be in a state, as the vendor has it;
	// nil: nothing is known.
	Demands func(state string) []string
	// Begins is the state in which every record is created, where a creation takes none;
	// empty: it takes one.
	Begins string
	// Int is true where column values are numbers.
	Int bool
}

// A Schema describes one record type.
type Schema struct {
	Record string
	Fields map[string]Field
	// Unlisted says what other field names mean; those with one of the
	// FreePrefixes ("u_", "customfield_") are always taken, unchecked.
	Unlisted     Unknown
	FreePrefixes []string

	// Given are the types of what the API gives otherwise than a record shows it, and of
	// what it gives and no record shows, by the field's name. An object of them may have
	// members that are not listed.
	Given map[string]Type

	State *StateField // nil: no state
	// Mode is the dotted path that lifecycle.modes is compared with, empty if
	// the type has none. (Its statuses are compared with State.Category.)
	Mode string
	// Parent is the record type, of the same connector, of which this one is
	// a child; empty if none. Rules see it as parent.PARENT.
	Parent string
	// CommentKinds, the first being the one written by default, unless the
	// connector has another default for the record at hand.
	CommentKinds []string
	// RestrictedKinds, of CommentKinds, are shown to some people only: they are read
	// where a template names them, and never written.
	RestrictedKinds []string
	// Audience is the field that says who may see a record; empty if the type has
	// none. A record whose Audience is set is Private, but to a template that writes
	// just that value.
	Audience string
	// Attachments says what the type can be given: "" none, "link", "bytes".
	Attachments string
}
