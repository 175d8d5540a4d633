package connectors

import (
	"cmp"
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// A Comment is something that was said on a record: a work note, a timeline
// item, a comment. Comments are never edited or deleted by lockstep.
type Comment struct {
	// ID is the system's own, unique within the record and never given twice.
	// A connector whose system has none makes one from the time, the author, a
	// digest of the text and the ordinal among equals.
	ID     string
	Kind   string // one of the schema's CommentKinds
	Author string // as people know them: a name, else the account
	Text   string // Markdown, without lockstep's own marker; "": nothing was said
	At     time.Time

	// Marker is set where the comment is a copy that lockstep posted: it holds
	// a marker, and these credentials wrote it. A marker that somebody quoted is
	// text like any other.
	Marker string
}

// A NewComment is a comment to be added to a record: a copy of one elsewhere.
type NewComment struct {
	Record Record // as read; only its references and ids are meant
	Kind   string // one of the schema's CommentKinds; "": the record's default
	// Marker is read back as the Marker of the comment, and is its idempotency
	// key where the system takes one. At most 40 characters of [a-z0-9-].
	Marker string
	Text   string    // Markdown
	Author string    // who said it, as people know them
	Origin string    // where it was said, as people call it: "INC0010023 work note"
	At     time.Time // when it was said
}

// headingLength bounds a heading, in characters.
const headingLength = 200

// Heading names in one line who said it and where: "Ann Lee (INC0010023 work note)".
// Where it is too long, the names are cut.
func (n NewComment) Heading() string {
	author, origin := strings.Join(strings.Fields(n.Author), " "), strings.Join(strings.Fields(n.Origin), " ")
	switch {
	case author == "":
		return cutRunes(cmp.Or(origin, "Comment"), headingLength)
	case origin == "":
		return cutRunes(author, headingLength)
	}
	origin = " (" + cutRunes(origin, headingLength/2) + ")"
	return cutRunes(author, headingLength-utf8.RuneCountInString(origin)) + origin
}

// cutRunes shortens a text to a number of characters, the last of which then is "…".
func cutRunes(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:limit-1]), " ") + "…"
}

// IsMarker reports whether a text may be the Marker of a NewComment.
func IsMarker(text string) bool {
	return text != "" && len(text) <= 40 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// A CommentReceipt is what a system answered to a new comment.
type CommentReceipt struct {
	ID string // of the comment; "": the answer does not tell
	// Held is true where the answer shows that the system took the comment, although
	// it does not tell the ID. Without either, it is to be read back.
	Held bool
	// Version of the record after it, "" where the answer does not tell.
	Version string
}

// A CommentReader reads comments.
type CommentReader interface {
	Connector

	// Comments lists the comments of a record, oldest first, at least those
	// that were made at or after since (the zero time: all), lockstep's copies
	// too. It sees every comment that was added before it began.
	Comments(ctx context.Context, record Record, since time.Time) ([]Comment, error)
}

// A Commenter reads and adds comments.
type Commenter interface {
	CommentReader

	// Comment adds one in one call. An answer that neither has an ID nor is Held is
	// no proof that the comment is there: some systems drop it without a word.
	Comment(ctx context.Context, comment NewComment) (CommentReceipt, error)
}

// A CopyFinder finds lockstep's own copies on a record where Comments may not see
// all: comments may be hidden from these credentials although their copies are
// there.
type CopyFinder interface {
	// Copies are the ids of the copies, by marker. An id may be made up. shown is
	// false where nothing at all is seen on the record: that is no proof of absence.
	Copies(ctx context.Context, record Record) (copies map[string][]string, shown bool, err error)
}

// An OnceCommenter may take the marker of a post for its idempotency key: the same
// post, sent again, is answered as it was the first time and added once.
type OnceCommenter interface {
	// CommentsOnce reports whether it does. It does no I/O.
	CommentsOnce() bool
}

// Items are the two things that hang on records.
type Items string

// The items.
const (
	CommentItems    Items = "comments"
	AttachmentItems Items = "attachments"
)

// An ItemPoller finds records on which something new hangs, in bulk, where
// Poll does not find them: because the system does not count it as a change of
// the record, or not reliably.
type ItemPoller interface {
	// PollItems is Poll for the items of all the record types together. A
	// system that has nothing to ask for returns the cursor as it is.
	PollItems(ctx context.Context, items Items, records []string, cursor []byte) (changed []Ref, next []byte, err error)
}
