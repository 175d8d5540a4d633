package connectors

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what became of a request, which decides what to do next.
type Class int

// The classes.
const (
	// ClassRetry: certainly not done (refused connection, DNS, TLS, 503 with
	// nothing done); worth another try.
	ClassRetry Class = iota
	// ClassThrottled: certainly not done; not before Until.
	ClassThrottled
	// ClassUnclear: sent, and no whole answer (timeout, reset, cut body, 5xx).
	// A read may be repeated; what became of a write must be settled.
	ClassUnclear
	// ClassRejected: refused for good, because of Field where it is known.
	ClassRejected
	// ClassUnauthorised: the credentials are refused; nothing else will work.
	ClassUnauthorised
	// ClassConflict: refused because something else was under way.
	ClassConflict
	// ClassGone: there is no such record, or no permission to see it.
	ClassGone
	// ClassForbidden: the system took the credentials, and does not let them read
	// this (a table, a kind of item, a record). It says nothing of anything else.
	ClassForbidden
)

func (c Class) String() string {
	return [...]string{"retry", "throttled", "unclear", "rejected", "unauthorised", "conflict", "gone", "forbidden"}[c]
}

// An Error is a system's failure to do what it was asked. Its text names the
// operation and the record and quotes the system; it never holds a secret.
type Error struct {
	Class  Class
	Op     string // "create", "update", "read", …
	Record string // the ref or collection it was about
	Field  string // the field at fault, where the system said
	// Fields are all that are at fault, with what the system said of each, where it
	// names them: without those the record may be taken.
	Fields    map[string]string
	Status    int    // HTTP status; 0: no answer
	RequestID string // the system's, for its support
	Message   string // the system's own words, or what went wrong
	// Own is true where Message is lockstep's and quotes nothing of the answer, so
	// that it holds nothing of a record.
	Own   bool
	Until time.Time // of ClassThrottled
	// Setting is the attribute of the connector's block that is at fault, where
	// that can be told: "password", "oauth.client_secret".
	Setting string
	Code    string // short stable reason for dead letters: "did_not_stick", "not_found", …
	// Made is true where a create was answered as done, and what it made is not in
	// the answer, or cannot be read: that a look-up finds nothing then is no proof
	// that there is nothing, and it is never sent again. The class is ClassUnclear.
	// MadeRef is the record, where the system names it.
	Made    bool
	MadeRef Ref
	Err     error // the cause, if there is one
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Record != "" {
		b.WriteString(" " + e.Record)
	}
	if e.Field != "" {
		b.WriteString(": field " + e.Field)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Forbids reports whether the system refused for want of a permission, as far as its
// answer's status tells.
func (e *Error) Forbids() bool { return e.Status == 403 || e.Class == ClassForbidden }

// Codes of look-ups, by ref(), that find nothing, or nothing that fits.
const (
	CodeRefNotFound  = "ref_not_found"
	CodeRefAmbiguous = "ref_ambiguous"
)

// CodeTooCostly is the Code of an Error about a step that exceeded its budget.
const CodeTooCostly = "too_costly"

// ErrTooCostly is the failure of a pure step of one record (a conversion, an
// expression, a merge) that would exceed its budget of time or memory. Trying
// again does not help: the record's contents are what is costly. An Error whose
// cause it is has ClassRejected and CodeTooCostly.
var ErrTooCostly = errors.New("processing it would exceed the limits on time and memory for one record")

// ClassOf returns the class of an *Error in err's chain; false if there is none.
func ClassOf(err error) (Class, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class, true
	}
	return 0, false
}

// IsClass reports whether err is an *Error of the class.
func IsClass(err error, class Class) bool {
	is, known := ClassOf(err)
	return known && is == class
}

// Unclear is the failure of a request whose answer is whole and not what it should be.
func Unclear(op, record, message string) *Error {
	return &Error{Class: ClassUnclear, Op: op, Record: record, Message: message}
}

// Rejected is what a system, or its connector, refuses for good.
func Rejected(op, record, field, code, message string) *Error {
	return &Error{Class: ClassRejected, Op: op, Record: record, Field: field, Code: code, Message: message}
}

// NotFound is a record that is not there.
func NotFound(op string, ref Ref, message string) *Error {
	return &Error{Class: ClassGone, Op: op, Record: ref.String(), Code: "not_found", Message: message}
}

// MadeUnseen is the failure of a create that the system answered as done: ref is
// what it made, the zero Ref where that is not told.
func MadeUnseen(err error, ref Ref) error {
	var failure *Error
	if !errors.As(err, &failure) {
		return err
	}
	made := *failure
	made.Class, made.Made, made.MadeRef = ClassUnclear, true, ref
	return &made
}

// NotSent is the failure of a read before a write: the write was not begun, so
// that nothing of it is unclear.
func NotSent(err error) error {
	var failure *Error
	if !errors.As(err, &failure) || failure.Class != ClassUnclear {
		return err
	}
	certain := *failure
	certain.Class = ClassRetry
	return &certain
}

// IsRefusal reports whether a read failed for good by the system's own word: there
// is nothing to read, or these credentials may not read it.
func IsRefusal(err error) bool {
	class, known := ClassOf(err)
	return known && (class == ClassRejected || class == ClassGone || class == ClassForbidden)
}
