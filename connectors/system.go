package connectors

import (
	"log/slog"
	"net/http"
	"time"
)

// Common are the settings that every connector block takes.
type Common struct {
	PollInterval time.Duration
	// Settle is how long a request whose answer was not received may still take
	// effect. IndexLag is how far the system's search may lag behind; zero
	// where it does not, and then the attribute index_lag is not taken.
	Settle        time.Duration
	IndexLag      time.Duration
	RateLimit     int // requests a minute
	WebhookSecret Secret
}

// A SettingError is a mistake in a connector block that the struct's tags
// cannot tell. Attribute is the attribute at fault; empty: the whole block.
type SettingError struct {
	Attribute string
	Summary   string // what was found, in a few words
	Detail    string // what was expected and what to write instead
}

// A System describes one type of connector: everything that can be known
// without talking to it, and how to make one that talks.
type System struct {
	Type     string
	Defaults Common
	Records  []string // record types to name in messages, most used first

	// WriteTimeout is how long the answer to a write is waited for. A block's settle
	// is to be longer: until then the request may still take effect.
	WriteTimeout time.Duration

	// Settings returns a new pointer to a struct with hcl tags, to be filled
	// by gohcl from what Common leaves of the block. Two equal structs mean the
	// same connection. Check then says what is still wrong; offline, an empty
	// secret that was written counts as set (it came from env()).
	Settings func() any
	Check    func(settings any) []SettingError
	// CheckCommon says what is wrong with the common settings; nil: nothing is.
	CheckCommon func(common Common) []SettingError

	// Schema returns the vendor's schema of a record type; false: there is no
	// such type. It is the same value each time and not to be changed.
	Schema func(record string) (*Schema, bool)

	// Familiar reports whether a record type that Records does not name is well known all the
	// same: no slip of the pen is suspected in it. nil: none is.
	Familiar func(record string) bool

	// Decode reads a record as the API gives it, bare or in its envelope, or a
	// webhook's body; pure. It fails if the body is not a record of c.Record.
	Decode func(c Collection, body []byte) (Record, error)

	// Object returns the object within a body of Decode that holds the record's fields, by
	// their names; nil: there is none. It may be nil itself: then it is the body.
	Object func(c Collection, body []byte) map[string]any

	// Convert turns a rendered value of a field, in which no look-up stands, into
	// what the system will hold, as far as that is known without asking it; pure.
	// field is named as in Writer.Resolve, which does the same first, and so are nil
	// and "". What only the instance can tell is passed as it is. The error quotes
	// nothing of the value.
	// nil: every value is taken as it is.
	Convert func(record, field string, v any) (any, error)

	// New makes the connector. It opens no connection and starts nothing.
	// nil: this system has no client in this build.
	New func(name string, settings any, common Common, env Env) (Connector, error)
}

// Env is what the process gives a connector.
type Env struct {
	RoundTripper http.RoundTripper // nil: the transport's own
	Logger       *slog.Logger
	Observer     Observer // nil: nobody watches
	UserAgent    string
	Pauses       *Pauses // that systems asked for; nil: the connector's own
	// Renamed is called when an answer holds a name that the system did not have when
	// its names were asked for: what Advise said then may hold no longer. It is quick,
	// and may be called often. nil: nobody wants to know.
	Renamed func()
}

// Observer is told of every request to a system. It must be safe for
// concurrent use and quick.
type Observer interface {
	// Request is one HTTP exchange; verb is the operation ("read", "create"),
	// outcome the error's class or "ok".
	Request(connector, verb, outcome string, took time.Duration)
	// Retried is one read that is about to be sent again.
	Retried(connector, verb string)
	// Throttled is a pause that the system asked for.
	Throttled(connector string, pause time.Duration)
}

// Typed fills Settings, Check and New of a system whose settings are an S.
func Typed[S any](
	system System, check func(*S) []SettingError, start func(name string, settings *S, common Common, env Env) (Connector, error),
) System {
	system.Settings = func() any { return new(S) }
	system.Check = func(settings any) []SettingError { return check(settings.(*S)) }
	system.New = func(name string, settings any, common Common, env Env) (Connector, error) {
		return start(name, settings.(*S), common, env)
	}
	return system
}

// Schemas are the record types of a system that has always the same.
type Schemas map[string]*Schema

// Of is a System's Schema.
func (s Schemas) Of(record string) (*Schema, bool) {
	schema, ok := s[record]
	return schema, ok
}
