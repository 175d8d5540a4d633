package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// ErrUnreadable is a stored document that this build cannot read: it is
// damaged, or of a newer version. It concerns its own record and no other.
var ErrUnreadable = errors.New("a stored document cannot be read")

// Unreadable makes an error of a document that cannot be read.
func Unreadable(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, ErrUnreadable, err)
}

// UnknownVersion makes an error of a document of a version that this build does
// not know.
func UnknownVersion(what string, version, known int) error {
	return Unreadable(what, fmt.Errorf("it is of version %d; this build reads version %d", version, known))
}

// EachReadable calls f for the entries of a bucket. Those for which f fails
// with ErrUnreadable are passed over, counted and reported.
func EachReadable(ctx context.Context, what string, bucket Bucket, warnings *Warnings, f func(Entry) error) error {
	reasons := map[string]error{}
	err := bucket.Each(ctx, func(entry Entry) error {
		err := f(entry)
		if errors.Is(err, ErrUnreadable) {
			reasons[entry.Key] = err
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	warnings.Report("unreadable "+what, passedOver(what, reasons))
	return nil
}

// passedOver says which documents were not read; empty where all were.
func passedOver(what string, reasons map[string]error) string {
	if len(reasons) == 0 {
		return ""
	}
	keys := make([]string, 0, len(reasons))
	for key := range reasons {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	named := keys[:min(3, len(keys))]
	more := ""
	if n := len(keys) - len(named); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%d of the stored %s cannot be read and are passed over: %s%s; the first: %v; restore them from a backup, or run the version that wrote them",
		len(keys), what, strings.Join(named, ", "), more, reasons[keys[0]])
}

// Unread keeps count of the documents of a kind that were read one by one and could
// not be: they are reported together, as long as they cannot.
type Unread struct {
	what     string
	warnings *Warnings

	mu      sync.Mutex
	reasons map[string]error
}

// NewUnread counts documents, named in the plural.
func NewUnread(what string, warnings *Warnings) *Unread {
	return &Unread{what: what, warnings: warnings, reasons: map[string]error{}}
}

// Note says why a document could not be read; nil: it was.
func (u *Unread) Note(key string, reason error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.reasons[key]; !known && reason == nil {
		return
	}
	if u.reasons[key] = reason; reason == nil {
		delete(u.reasons, key)
	}
	u.warnings.Report("unreadable "+u.what, passedOver(u.what, u.reasons))
}
