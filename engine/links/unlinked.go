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

// Unlinked is what is remembered of a record that has no link on a route. The
// same version again decides nothing (rule 9.1).
type Unlinked struct {
	Version string    // that was decided
	Private bool      // and then there is no version
	ForNow  bool      // it is in a state in which no ticket is opened, and may leave it
	Failed  bool      // there are dead letters
	Unread  bool      // reading it costs too much: nobody looks until someone retries
	Waiting time.Time // for its parent's ticket, since
	Lost    int       // answers to creations (Unsettled)
	Since   time.Time // when the first of them was sent
	// Parent is what the record belongs to, for when that turns public, and
	// ParentToken what was known of it (Children.Token) when this was decided.
	Parent      connectors.Ref
	ParentToken string
	// Number and URL are what people call the record and where they open it; of a
	// private one only where its route takes those.
	Number, URL string
}

// unlinkedVersion is the version of the document that this build writes. Older
// builds wrote the same one without a version.
const unlinkedVersion = 1

// An unlinkedDocument is how Unlinked is stored.
type unlinkedDocument struct {
	V       int            `json:"v"`
	Version string         `json:"version,omitempty"`
	Private bool           `json:"private,omitempty"`
	ForNow  bool           `json:"for_now,omitempty"`
	Failed  bool           `json:"failed,omitempty"`
	Unread  bool           `json:"unread,omitempty"`
	Waiting time.Time      `json:"waiting,omitzero"`
	Lost    int            `json:"lost,omitempty"`
	Since   time.Time      `json:"since,omitzero"`
	Parent  connectors.Ref `json:"parent,omitzero"`
	Token   string         `json:"parent_token,omitempty"`
	Number  string         `json:"number,omitempty"`
	URL     string         `json:"url,omitempty"`
}

const unlinkedPrefix = "decided/"

func unlinkedKey(route string, ref connectors.Ref) string {
	return unlinkedPrefix + route + "/" + ref.String()
}

func decodeUnlinked(entry store.Entry) (Unlinked, error) {
	var d unlinkedDocument
	if err := json.Unmarshal(entry.Value, &d); err != nil {
		return Unlinked{}, store.Unreadable("mark "+entry.Key, err)
	}
	if d.V > unlinkedVersion {
		return Unlinked{}, store.UnknownVersion("mark "+entry.Key, d.V, unlinkedVersion)
	}
	return Unlinked{Version: d.Version, Private: d.Private, ForNow: d.ForNow, Failed: d.Failed, Unread: d.Unread, Waiting: d.Waiting, Lost: d.Lost, Since: d.Since, Parent: d.Parent, ParentToken: d.Token, Number: d.Number, URL: d.URL}, nil
}

// Unlinked returns what is remembered of a record on a route; the zero value
// where nothing is.
func (r *Repository) Unlinked(ctx context.Context, route string, ref connectors.Ref) (Unlinked, error) {
	entry, err := r.state.Get(ctx, unlinkedKey(route, ref))
	if errors.Is(err, store.ErrNotFound) {
		return Unlinked{}, nil
	}
	if err != nil {
		return Unlinked{}, fmt.Errorf("mark of %s: %w", ref, err)
	}
	return decodeUnlinked(entry)
}

// SaveUnlinked replaces what is remembered of a record on a route.
func (r *Repository) SaveUnlinked(ctx context.Context, route string, ref connectors.Ref, u Unlinked) error {
	value, err := json.Marshal(unlinkedDocument{
		V: unlinkedVersion, Version: u.Version, Private: u.Private, ForNow: u.ForNow, Failed: u.Failed, Unread: u.Unread, Waiting: u.Waiting, Lost: u.Lost, Since: u.Since, Parent: u.Parent, Token: u.ParentToken, Number: u.Number, URL: u.URL,
	})
	if err == nil {
		_, err = r.state.Put(ctx, unlinkedKey(route, ref), value)
	}
	if err != nil {
		return fmt.Errorf("mark of %s: %w", ref, err)
	}
	return nil
}

// ForgetUnlinked forgets what is remembered of a record on a route: it is
// decided again.
func (r *Repository) ForgetUnlinked(ctx context.Context, route string, ref connectors.Ref) error {
	if err := r.state.Delete(ctx, unlinkedKey(route, ref), 0); err != nil {
		return fmt.Errorf("mark of %s: %w", ref, err)
	}
	return nil
}

// DecideAgain has a record without a link decided again though it did not change. What
// is known of requests that may have opened a ticket stays, and so does that it costs too
// much to read.
func (r *Repository) DecideAgain(ctx context.Context, route string, ref connectors.Ref) error {
	u, err := r.Unlinked(ctx, route, ref)
	if errors.Is(err, store.ErrUnreadable) {
		return nil // it is decided as one of which nothing is known
	}
	if err != nil || u.Version == "" {
		return err
	}
	u.Version = ""
	return r.SaveUnlinked(ctx, route, ref, u)
}

// EachUnlinked calls f for every record of which something is remembered and
// can be read, on each of its routes.
func (r *Repository) EachUnlinked(ctx context.Context, f func(route string, ref connectors.Ref, u Unlinked) error) error {
	return store.EachReadable(ctx, "decisions without a ticket", r.state, r.warnings, func(entry store.Entry) error {
		name, ok := strings.CutPrefix(entry.Key, unlinkedPrefix)
		if !ok {
			return nil
		}
		u, err := decodeUnlinked(entry)
		if err != nil {
			return err
		}
		route, name, _ := strings.Cut(name, "/")
		ref, err := connectors.ParseRef(name)
		if err != nil {
			return store.Unreadable("mark "+entry.Key, err)
		}
		return f(route, ref, u)
	})
}

// A keylessDocument says that a system was seen to drop the key of a ticket.
type keylessDocument struct {
	V     int       `json:"v"`
	Since time.Time `json:"since"`
}

const (
	keylessPrefix  = "keyless/"
	keylessVersion = 1
)

// Keyless reports whether a system was seen to drop the keys of the tickets of a
// collection: then none can be found by its key.
func (r *Repository) Keyless(ctx context.Context, c connectors.Collection) (bool, error) {
	_, err := r.state.Get(ctx, keylessPrefix+c.String())
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keys of %s: %w", c, err)
	}
	return true, nil
}

// SetKeyless notes whether a system drops the keys of the tickets of a collection.
func (r *Repository) SetKeyless(ctx context.Context, c connectors.Collection, keyless bool, now time.Time) error {
	key := keylessPrefix + c.String()
	value, err := json.Marshal(keylessDocument{V: keylessVersion, Since: now.UTC()})
	switch {
	case err != nil:
	case keyless:
		_, err = r.state.Put(ctx, key, value)
	default:
		err = r.state.Delete(ctx, key, 0)
	}
	if err != nil {
		return fmt.Errorf("keys of %s: %w", c, err)
	}
	return nil
}
