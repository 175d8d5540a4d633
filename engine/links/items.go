package links

import (
	"maps"
	"time"
)

// itemsKept is how far behind the newest item keys are kept, and how far back
// it is looked for items that came late.
const itemsKept = 48 * time.Hour

// Items are the things of one kind that were carried in one direction. The set
// of keys decides; From only bounds it: what is older counts as done.
type Items struct {
	From time.Time         `json:"from_time,omitzero"`
	Done map[string]string `json:"done,omitempty"` // key → id of the copy, or a word below
}

// ItemSeen is what became of an item that has no copy: it was there before, or
// the rules take it nowhere.
const ItemSeen = "seen"

// A Listed is the key and time of an item that a system holds.
type Listed struct {
	Key string
	At  time.Time
}

// Has reports whether an item was dealt with.
func (i *Items) Has(it Listed) bool {
	_, done := i.Done[it.Key]
	return done || it.At.Before(i.From)
}

// With returns a copy: a link's items are replaced, never changed.
func (i *Items) With(key, as string) *Items {
	next := &Items{From: i.From, Done: maps.Clone(i.Done)}
	if next.Done == nil {
		next.Done = map[string]string{}
	}
	next.Done[key] = as
	return next
}

// Compact moves From up to 48 hours behind the newest item, but not past one
// that is not done, and forgets the keys of what is older. all is what was
// listed from From on.
func (i *Items) Compact(all []Listed, now time.Time) *Items {
	next := &Items{From: i.From}
	for _, it := range all {
		if at := earlier(it.At, now).Add(-itemsKept).UTC(); at.After(next.From) {
			next.From = at
		}
	}
	for _, it := range all {
		if _, done := i.Done[it.Key]; !done && !it.At.Before(i.From) && it.At.Before(next.From) {
			next.From = it.At.UTC()
		}
	}
	if next.From.Before(i.From) {
		next.From = i.From
	}
	for _, it := range all {
		if as, done := i.Done[it.Key]; done && !it.At.Before(next.From) {
			if next.Done == nil {
				next.Done = map[string]string{}
			}
			next.Done[it.Key] = as
		}
	}
	return next
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
