package links

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// keyCopy is where the key of all digests is kept in a second place, so that a
// loss is noticed.
const keyCopy = "installation"

// Installation returns the key of all digests. It is made once for all daemons,
// and kept in a second place: with another key every agreement would be taken
// for an edit of both sides.
func Installation(ctx context.Context, s store.Store, warnings *store.Warnings) (Digester, error) {
	entry, err := s.Links.Get(ctx, installationKey)
	if err == nil && len(entry.Value) == keyLength {
		return NewDigester(entry.Value), copyKey(ctx, s.State, entry.Value)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Digester{}, fmt.Errorf("the installation's key: %w", err)
	}
	saved, err := s.State.Get(ctx, keyCopy)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Digester{}, fmt.Errorf("the installation's key: %w", err)
	}
	if len(saved.Value) != keyLength {
		if err := withoutLinks(ctx, s.Links); err != nil {
			return Digester{}, err
		}
		d, err := findKey(ctx, s.Links)
		if err != nil {
			return Digester{}, err
		}
		return d, copyKey(ctx, s.State, d.key)
	}
	if entry.Revision == 0 {
		_, err = s.Links.Create(ctx, installationKey, saved.Value)
	} else {
		_, err = s.Links.Update(ctx, installationKey, saved.Value, entry.Revision)
	}
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return Digester{}, fmt.Errorf("the installation's key: %w", err)
	}
	warnings.Report("lost key", "the links' store had lost the installation's key, and so maybe links; the key was written again from its copy, and agreements hold. Look at lockstep links, and restore a backup if some are missing")
	return NewDigester(saved.Value), nil
}

// RestoreKey writes the key again where it is lost: with another one every
// agreement would be taken for an edit.
func (d Digester) RestoreKey(ctx context.Context, s store.Store) error {
	if _, err := s.Links.Create(ctx, installationKey, d.key); err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("the installation's key: %w", err)
	}
	return copyKey(ctx, s.State, d.key)
}

func copyKey(ctx context.Context, state store.Bucket, key []byte) error {
	saved, err := state.Get(ctx, keyCopy)
	if err == nil && string(saved.Value) == string(key) {
		return nil
	}
	if err == nil || errors.Is(err, store.ErrNotFound) {
		_, err = state.Put(ctx, keyCopy, key)
	}
	if err != nil {
		return fmt.Errorf("the installation's key: %w", err)
	}
	return nil
}

// withoutLinks fails where there are links whose key is lost.
func withoutLinks(ctx context.Context, bucket store.Bucket) error {
	err := bucket.Each(ctx, func(entry store.Entry) error {
		if strings.HasPrefix(entry.Key, ownPrefix) {
			return nil
		}
		return errors.New("it is lost in both places where it is kept, and there are links: without it every field would be taken for edited on both sides; restore a backup of the store")
	})
	if err != nil {
		return fmt.Errorf("the installation's key: %w", err)
	}
	return nil
}

// installationKey is where the links' bucket keeps the key of all digests.
const (
	installationKey = "_key"
	keyLength       = 32
)

// findKey reads the installation's key, made once for all daemons.
func findKey(ctx context.Context, bucket store.Bucket) (Digester, error) {
	for range 3 {
		entry, err := bucket.Get(ctx, installationKey)
		if err == nil {
			return Digester{key: entry.Value}, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return Digester{}, fmt.Errorf("the installation's key: %w", err)
		}
		key := make([]byte, keyLength)
		if _, err := rand.Read(key); err != nil {
			return Digester{}, fmt.Errorf("the installation's key: %w", err)
		}
		if _, err := bucket.Create(ctx, installationKey, key); err != nil && !errors.Is(err, store.ErrConflict) {
			return Digester{}, fmt.Errorf("the installation's key: %w", err)
		}
	}
	return Digester{}, fmt.Errorf("the installation's key: %w", store.ErrConflict)
}
