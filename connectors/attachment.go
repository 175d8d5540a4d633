package connectors

import (
	"context"
	"io"
	"time"
)

// A File is something attached to a record.
type File struct {
	ID   string // the system's own
	Name string
	// Type is the media type as the system has it: often only what the name
	// suggests.
	Type string
	Size int64  // bytes
	Hash string // SHA-256 of the content in lower-case hex; "" where the system has none
	URL  string // where people open it
	At   time.Time
	Ours bool // these credentials attached it
}

// A FileReader reads what is attached to records.
type FileReader interface {
	Connector

	// Files lists what is attached to the record, oldest first.
	Files(ctx context.Context, record Record) ([]File, error)

	// OpenFile streams the content of one of them. The caller closes it.
	OpenFile(ctx context.Context, record Record, file File) (io.ReadCloser, error)
}

// A FileWriter attaches files to records.
type FileWriter interface {
	FileReader

	// AddFile attaches a file, reading the content once and not holding it in
	// memory. Name, Type and Size of file are used; Size is exact.
	AddFile(ctx context.Context, record Record, file File, content io.Reader) (File, error)
}

// A WebLink is a page that a record shows.
type WebLink struct {
	URL   string
	Title string
	// System is the type of the connector that the page belongs to, and Ticket
	// is true where it is the ticket of the record itself, not one of its files.
	System string
	Ticket bool
}

// A WebLinkReader reads which pages records show.
type WebLinkReader interface {
	Connector

	// TakesLink reports whether a record of the type can show such a page. It
	// does no I/O.
	TakesLink(record string, link WebLink) bool

	// WebLinks lists the addresses that the record shows.
	WebLinks(ctx context.Context, record Record) ([]string, error)
}

// A WebLinker shows pages on records, for systems that hold no files.
type WebLinker interface {
	WebLinkReader

	// AddWebLink shows one more, in one call.
	AddWebLink(ctx context.Context, record Record, link WebLink) error
}
