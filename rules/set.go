package rules

import (
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// A Set is a loaded configuration: checked, compiled and immutable. It is safe
// for concurrent use.
type Set struct {
	Dir string
	// Generation is the digest (hex) of every byte that was read: the HCL
	// files with their names, and what file() read.
	Generation string
	// Files are the files that were read, for whoever watches them.
	Files []string

	Daemon     Daemon
	Connectors map[string]*Connector // by name
	Templates  map[string]*Template
	Routes     []*Route // in the order of files and lines
	Tables     map[string]*StateTable

	// Warnings were found at loading; errors keep a Set from existing.
	Warnings Diagnostics

	uses   map[string][]connectors.Use
	places map[usePlace]Diagnostic
}

// Route returns the route with the name, nil if no route has it.
func (s *Set) Route(name string) *Route {
	for _, r := range s.Routes {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// Daemon is the daemon block; empty strings where it says nothing.
type Daemon struct {
	Listen        string
	Admin         string // "unix://PATH" or "HOST:PORT"
	AdminToken    connectors.Secret
	DataDir       string
	NATS          *NATS
	EncryptionKey connectors.Secret
	TLS           *TLS
}

// TLS is the tls block: the certificate of both listeners.
type TLS struct{ Cert, Key File }

// Same reports whether two blocks, nil for none, name the same files.
func (t *TLS) Same(other *TLS) bool {
	if t == nil || other == nil {
		return t == other
	}
	return t.Cert.Path == other.Cert.Path && t.Key.Path == other.Key.Path
}

// A File is a path that the configuration names. Whoever opens the file says
// with Wrong what is the matter with it.
type File struct {
	Path string
	at   Diagnostic
}

// Wrong returns an error at the place that names the file.
func (f File) Wrong(summary, detail string) Diagnostic {
	return f.diagnostic(SeverityError, summary, detail)
}

// Doubtful returns a warning at the place that names the file.
func (f File) Doubtful(summary, detail string) Diagnostic {
	return f.diagnostic(SeverityWarning, summary, detail)
}

func (f File) diagnostic(severity, summary, detail string) Diagnostic {
	d := f.at
	d.Severity, d.Summary, d.Detail = severity, summary, detail
	return d
}

// NATS is the nats block: a cluster in place of the embedded server.
type NATS struct {
	URL      string
	Creds    string // file
	CA       string // file
	Cert     string // file
	Key      string // file
	Replicas int
	Prefix   string // before every stream and bucket name
}

// A Connector is one connector block. Settings is the pointer that the
// system's Settings made; two connectors with equal Type, Settings and Common
// may share connections.
type Connector struct {
	Name     string
	System   connectors.System
	Settings any
	Common   connectors.Common

	settings map[string]string // what people know each attribute as
}

// NameSetting names a setting of the connector as people know it: the
// environment variable that it is read from, else the attribute and its place.
// An attribute of a nested block is named with a dot.
func (c *Connector) NameSetting(attribute string) string {
	if named := c.settings[attribute]; named != "" {
		return named + " of connector " + c.Name
	}
	return attribute + " of connector " + c.Name
}

// Decode reads a record that somebody gives: it is refused where it is nested
// deeper than a decoder may go.
func (c *Connector) Decode(of connectors.Collection, body []byte) (connectors.Record, error) {
	if _, err := source.JSON(body); err != nil {
		return connectors.Record{}, err
	}
	return c.System.Decode(of, body)
}

// A Route picks a template for the records of its source.
type Route struct {
	Name      string
	Source    connectors.Collection
	Create    bool
	Private   bool
	Templates []*Template // in the order tried
	NoMatch   *Template   // nil: no ticket

	// NeedsParent is true where a condition or value of its templates looks at
	// parent; Input.Parent is then to be filled.
	NeedsParent bool

	router *router
}

// Admits reports whether the route may take the record at all: a private one
// only where it is configured to (contract, "Routing", rule 1).
func (r *Route) Admits(record connectors.Record) bool { return r.Private || !record.Private }

// A Template says what a ticket looks like and how it is kept in step.
type Template struct {
	Name   string
	Target connectors.Collection

	Conflict  Conflict
	State     *StateSync // nil: none
	Comments  Comments
	Files     Attachments
	Lifecycle Lifecycle

	// WritesBack is true where something of the ticket goes to the source, its
	// comments and attachments too: changes of the ticket matter then.
	WritesBack bool
	// WantsParentTicket is true where a value asks for parent.ticket.
	WantsParentTicket bool
}

// Conflict says which side wins where both were edited.
type Conflict string

// The values of conflict.
const (
	SourceWins Conflict = "source"
	TargetWins Conflict = "target"
	LatestWins Conflict = "latest"
)

// Direction is outbound (source to target), inbound or both.
type Direction string

// The directions.
const (
	Outbound Direction = "outbound"
	Inbound  Direction = "inbound"
	Both     Direction = "both"
)

// StateSync is a template's state block. The fields are dotted paths, those of
// the schema's StateField unless the block names others.
type StateSync struct {
	Table       *StateTable
	Direction   Direction
	SourceField string
	TargetField string
}

// A StateTable relates systems through named states.
type StateTable struct {
	Name   string
	States []State // in the order written
	// UnmappedIsError is unmapped = "error".
	UnmappedIsError bool
}

// A State is one named state: for each column (a connector's type or name),
// the values that mean it, the first being the one written.
type State struct {
	Label   string
	Columns map[string][]string
}

// Lifecycle is a template's lifecycle block with its defaults filled in.
type Lifecycle struct {
	KeepPrivate bool   // on_private = "keep"
	OnDelete    string // "detach" or "close"
	OnReopen    string // "same" or "new"
	Modes       []string
	Statuses    []string
	ParentWait  time.Duration
}

// Comments is a template's comments block: the first clause that matches
// takes a comment; no clause: the direction is off.
type Comments struct {
	Inbound, Outbound []CommentClause
}

// A CommentClause is one inbound or outbound block of comments.
type CommentClause struct {
	From []string        // kinds taken; nil: all, empty: none
	To   string          // kind written; empty: the system's first
	When *expr.Condition // over comment.text, .kind and .author; nil: always

	locals map[string]any
}

// Attachments is a template's attachments block.
type Attachments struct {
	Inbound, Outbound []AttachmentClause
}

// An AttachmentClause is one inbound or outbound block of attachments.
type AttachmentClause struct {
	Types   []string
	MaxSize int64 // bytes
}

// CategoryPrefix is before a column value that stands for every state of a
// category.
const CategoryPrefix = "category:"

// Column returns the values of a state for the records of a connector, the one to
// write first: those of its name if the state has them, else those of its type.
func (s *State) Column(c connectors.Collection) []string {
	if values, ok := s.Columns[c.Connector]; ok {
		return values
	}
	return s.Columns[c.Type]
}

// Label returns the state that a raw state of a record means; false: none. A value
// that names the state itself comes before one that names its category, which
// is empty where it has none.
func (t *StateTable) Label(c connectors.Collection, raw, category string) (string, bool) {
	for _, want := range []string{raw, CategoryPrefix + category} {
		if want == "" || want == CategoryPrefix {
			continue
		}
		for i := range t.States {
			if slices.Contains(t.States[i].Column(c), want) {
				return t.States[i].Label, true
			}
		}
	}
	return "", false
}

// values returns all values of a table for the records of a connector.
func (t *StateTable) values(c connectors.Collection) []string {
	var all []string
	for i := range t.States {
		all = append(all, t.States[i].Column(c)...)
	}
	return all
}

// Openers are the connectors of the records for which the routes open tickets in a
// collection, directly or over others: of a ticket of which nothing but its mark is
// known, they are what it may have been opened for.
func (s *Set) Openers(of connectors.Collection) []string {
	var all []string
	seen := map[connectors.Collection]bool{of: true}
	for next := []connectors.Collection{of}; len(next) > 0; next = next[1:] {
		for _, r := range s.Routes {
			templates := r.Templates
			if r.NoMatch != nil {
				templates = append(slices.Clone(templates), r.NoMatch)
			}
			if !slices.ContainsFunc(templates, func(t *Template) bool { return t.Target == next[0] }) {
				continue
			}
			if !slices.Contains(all, r.Source.Connector) {
				all = append(all, r.Source.Connector)
			}
			if !seen[r.Source] {
				seen[r.Source] = true
				next = append(next, r.Source)
			}
		}
	}
	return all
}
