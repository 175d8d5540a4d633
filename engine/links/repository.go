package links

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// ownPrefix begins the keys of the links' bucket that are no links.
const ownPrefix = "_"

// A Repository keeps the links of a store, the index that leads from a ticket
// to its link, how old what is under way is, and what is remembered of records
// without a link. Links are written with compare-and-set only.
type Repository struct {
	bucket   store.Bucket
	targets  store.Bucket
	state    store.Bucket
	warnings *store.Warnings
	unread   *store.Unread // of what belongs to records
	ages     *ages
}

// NewRepository is the repository of a store's links. What cannot be read is
// reported.
func NewRepository(s store.Store, clock store.Clock, warnings *store.Warnings) *Repository {
	return &Repository{bucket: s.Links, targets: s.Targets, state: s.State, warnings: warnings, unread: store.NewUnread("lists of what belongs to a record", warnings), ages: newAges(clock)}
}

// Load returns the link with the id; store.ErrNotFound where there is none.
func (r *Repository) Load(ctx context.Context, id string) (Stored, error) {
	entry, err := r.bucket.Get(ctx, id)
	if err != nil {
		return Stored{}, fmt.Errorf("link %s: %w", id, err)
	}
	return decodeLink(entry)
}

// Current returns the link of a record on a route that counts now, with its
// id and N. Where there is none yet, they are those that it will have, and the
// error is store.ErrNotFound.
func (r *Repository) Current(ctx context.Context, route string, source connectors.Ref) (link Stored, id string, n int, err error) {
	n = 1
	for {
		id = ID(route, source, n)
		link, err = r.Load(ctx, id)
		if err != nil || link.Then <= n {
			return link, id, n, err
		}
		n = link.Then
	}
}

// Save writes a link where revision is its newest, 0 where it is new;
// store.ErrConflict otherwise.
func (r *Repository) Save(ctx context.Context, l *Link, revision uint64) (uint64, error) {
	document, err := json.Marshal(l)
	if err != nil {
		return 0, fmt.Errorf("link %s: %w", l.ID, err)
	}
	if revision == 0 {
		revision, err = r.bucket.Create(ctx, l.ID, document)
	} else {
		revision, err = r.bucket.Update(ctx, l.ID, document, revision)
	}
	if err != nil {
		return 0, fmt.Errorf("link %s: %w", l.ID, err)
	}
	r.ages.saved(l, revision)
	return revision, nil
}

// Change changes a link whatever else happens to it meanwhile. Where change
// fails, nothing is saved.
func (r *Repository) Change(ctx context.Context, id string, change func(*Link) error) error {
	for range 5 {
		l, err := r.Load(ctx, id)
		if err != nil {
			return err
		}
		next := l.Clone()
		if err := change(next); err != nil {
			return err
		}
		_, err = r.Save(ctx, next, l.Revision)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("link %s: %w", id, store.ErrConflict)
}

// Delete removes a link that is still at its revision.
func (r *Repository) Delete(ctx context.Context, l Stored) error {
	r.ages.forget(l.ID)
	return r.bucket.Delete(ctx, l.ID, l.Revision)
}

// Each calls f for every link that can be read.
func (r *Repository) Each(ctx context.Context, f func(Stored) error) error {
	return store.EachReadable(ctx, "links", r.bucket, r.warnings, func(entry store.Entry) error {
		if strings.HasPrefix(entry.Key, ownPrefix) {
			return nil
		}
		l, err := decodeLink(entry)
		if err != nil {
			return err
		}
		return f(l)
	})
}

// ByTarget returns the link that the index names for a ticket.
func (r *Repository) ByTarget(ctx context.Context, target connectors.Ref) (Stored, error) {
	entry, err := r.targets.Get(ctx, target.String())
	if err != nil {
		return Stored{}, fmt.Errorf("index of tickets: %w", err)
	}
	id := DecodeTarget(entry)
	if id == "" {
		return Stored{}, fmt.Errorf("index of tickets: %s: %w", target, store.ErrNotFound) // it is made again when a daemon starts
	}
	return r.Load(ctx, id)
}

// A targetDocument is an entry of the index from tickets to links.
type targetDocument struct {
	V    int    `json:"v"`
	Link string `json:"link"`
}

const targetVersion = 1

// DecodeTarget returns the id of the link that an entry of the index names, "" where it
// cannot be read. Older builds stored the id alone.
func DecodeTarget(entry store.Entry) string {
	var d targetDocument
	if json.Unmarshal(entry.Value, &d) == nil {
		if d.V != targetVersion {
			return ""
		}
		return d.Link
	}
	if id := string(entry.Value); len(id) == idLength && strings.Trim(id, "0123456789abcdef") == "" {
		return id
	}
	return ""
}

// Opener is the link that a ticket was opened for: the one that the index names, or
// whose key the ticket holds. store.ErrNotFound: it is lost, or nothing was opened.
func (r *Repository) Opener(ctx context.Context, ticket connectors.Ref, key string) (Stored, error) {
	l, err := r.ByTarget(ctx, ticket)
	if err == nil || !errors.Is(err, store.ErrNotFound) || !IsKey(key) {
		return l, err
	}
	if l, err = r.Load(ctx, OfKey(key)); err == nil && l.Target != nil && *l.Target != ticket {
		return Stored{}, fmt.Errorf("link of the key in %s: %w", ticket, store.ErrNotFound) // the mark was copied with the ticket
	}
	return l, err
}

// IndexTarget makes a link findable by its ticket, in place of any other.
func (r *Repository) IndexTarget(ctx context.Context, l *Link) error {
	value, err := json.Marshal(targetDocument{V: targetVersion, Link: l.ID})
	if err == nil {
		_, err = r.targets.Put(ctx, l.Target.String(), value)
	}
	if err != nil {
		return fmt.Errorf("index of tickets: %w", err)
	}
	return nil
}

// ExpectTarget makes a link findable by its ticket before it is saved; false: another one
// is. A hint about the ticket leads to the link's source then, and does no harm where the
// link is not saved after all.
func (r *Repository) ExpectTarget(ctx context.Context, l *Link) (bool, error) {
	value, err := json.Marshal(targetDocument{V: targetVersion, Link: l.ID})
	if err == nil {
		_, err = r.targets.Create(ctx, l.Target.String(), value)
	}
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("index of tickets: %w", err)
	}
	return true, nil
}

// ForgetTarget takes back what ExpectTarget did for a link that was not saved, unless
// somebody else has saved it with the same ticket. The entry is read before the link: who
// saves the link later writes the entry after that, and it is not deleted then.
func (r *Repository) ForgetTarget(ctx context.Context, l *Link) error {
	entry, err := r.targets.Get(ctx, l.Target.String())
	if err == nil && DecodeTarget(entry) != l.ID {
		return nil
	}
	var stored Stored
	if err == nil {
		stored, err = r.Load(ctx, l.ID)
	}
	if err == nil || errors.Is(err, store.ErrNotFound) && entry.Key != "" {
		if stored.Link != nil && stored.Target != nil && *stored.Target == *l.Target {
			return nil
		}
		err = r.targets.Delete(ctx, entry.Key, entry.Revision)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("index of tickets: %w", err)
	}
	return nil
}

// RebuildIndex puts the index from tickets to links right, which a crash may
// have left behind, and that of children, which an older build did not keep.
func (r *Repository) RebuildIndex(ctx context.Context) error {
	if err := r.indexChildren(ctx); err != nil {
		return err
	}
	return r.Each(ctx, func(l Stored) error {
		if l.Target == nil {
			return nil
		}
		entry, err := r.targets.Get(ctx, l.Target.String())
		if err == nil && DecodeTarget(entry) == l.ID {
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("index of tickets: %w", err)
		}
		return r.IndexTarget(ctx, l.Link)
	})
}

// Age is how old a version of a link is, and whether this process saved it.
func (r *Repository) Age(l Stored) (age time.Duration, own bool) { return r.ages.of(l) }

// Seen is for a link as it was loaded: one that is not under way has no age.
func (r *Repository) Seen(l Stored) {
	if !l.underWay() {
		r.ages.forget(l.ID)
	}
}
