package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/engine/store"
)

var bucketCases = []testCase{
	{"buckets/get what was written", func(t *testing.T, kept store.Store) {
		b := kept.Links
		if _, err := b.Get(t.Context(), "k"); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("get of nothing: %v", err)
		}
		r1 := must(b.Create(t.Context(), "k", []byte("one")))(t)
		wantEntry(t, b, "k", "one", r1)
		pass(time.Hour)
		r2 := must(b.Update(t.Context(), "k", []byte("two"), r1))(t)
		wantEntry(t, b, "k", "two", r2)
		pass(time.Hour)
		r3 := must(b.Put(t.Context(), "k", nil))(t)
		wantEntry(t, b, "k", "", r3)
		if !(r1 < r2 && r2 < r3) {
			t.Errorf("revisions %d, %d, %d do not grow", r1, r2, r3)
		}
	}},
	{"buckets/compare and set", func(t *testing.T, kept store.Store) {
		b := kept.Links
		conflict := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, err := b.Update(t.Context(), "k", nil, 1)
		conflict("update of nothing", err)
		r1 := must(b.Create(t.Context(), "k", []byte("one")))(t)
		_, err = b.Create(t.Context(), "k", []byte("x"))
		conflict("create of what is there", err)
		r2 := must(b.Update(t.Context(), "k", []byte("two"), r1))(t)
		_, err = b.Update(t.Context(), "k", []byte("x"), r1)
		conflict("update of an old revision", err)
		_, err = b.Update(t.Context(), "k", []byte("x"), 0)
		conflict("update of revision 0", err)
		_, err = b.Update(t.Context(), "k", []byte("x"), r2+1)
		conflict("update of a revision to come", err)
		conflict("delete of an old revision", b.Delete(t.Context(), "k", r1))
		wantEntry(t, b, "k", "two", r2)
		if err := b.Delete(t.Context(), "k", r2); err != nil {
			t.Fatal(err)
		}
		_, err = b.Update(t.Context(), "k", []byte("x"), r2)
		conflict("update of what was deleted", err)
	}},
	{"buckets/delete", func(t *testing.T, kept store.Store) {
		b := kept.Dead
		for _, revision := range []uint64{0, 7} {
			if err := b.Delete(t.Context(), "k", revision); err != nil {
				t.Errorf("delete of nothing: %v", err)
			}
		}
		for range 3 {
			revision := must(b.Create(t.Context(), "k", []byte("v")))(t)
			wantEntry(t, b, "k", "v", revision)
			if err := b.Delete(t.Context(), "k", 0); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Get(t.Context(), "k"); !errors.Is(err, store.ErrNotFound) {
				t.Fatalf("get of what was deleted: %v", err)
			}
		}
	}},
	{"buckets/any key", func(t *testing.T, kept store.Store) {
		b := kept.Targets
		want := map[string]string{}
		for i, key := range []string{
			"", "plain", "servicenow.itsm.incident/1c741bd7", "a b", ".", "..", "*", ">", "=", "=2E", "A", "a", "Grüße 😀", "\x00\xff\n",
			strings.Repeat("k", 160), strings.Repeat("k", 161), strings.Repeat("k", 10_000), strings.Repeat("/", 60),
		} {
			want[key] = fmt.Sprint("value ", i)
			revision := must(b.Create(t.Context(), key, []byte(want[key])))(t)
			wantEntry(t, b, key, want[key], revision)
		}
		if diff := cmp.Diff(want, contents(t, b)); diff != "" {
			t.Errorf("contents (-want +got):\n%s", diff)
		}
	}},
	{"buckets/are apart", func(t *testing.T, kept store.Store) {
		all := map[string]store.Bucket{"links": kept.Links, "targets": kept.Targets, "dead": kept.Dead, "marks": kept.State}
		for name, b := range all {
			must(b.Create(t.Context(), "k", []byte(name)))(t)
		}
		for name, b := range all {
			if diff := cmp.Diff(map[string]string{"k": name}, contents(t, b)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}},
	{"buckets/each", func(t *testing.T, kept store.Store) {
		b := kept.Links
		if got := contents(t, b); len(got) > 0 {
			t.Fatalf("empty bucket holds %v", got)
		}
		want := map[string]string{}
		for i := range 1000 {
			key := fmt.Sprint("key ", i)
			must(b.Put(t.Context(), key, []byte("old")))(t)
			want[key] = "new"
		}
		for key := range want {
			must(b.Put(t.Context(), key, []byte("new")))(t)
		}
		for _, key := range []string{"key 0", "key 500", "key 999"} {
			if err := b.Delete(t.Context(), key, 0); err != nil {
				t.Fatal(err)
			}
			delete(want, key)
		}
		if diff := cmp.Diff(want, contents(t, b)); diff != "" {
			t.Errorf("contents (-want +got):\n%s", diff)
		}
	}},
	{"buckets/each may write", func(t *testing.T, kept store.Store) {
		b := kept.Links
		for i := range 600 {
			must(b.Put(t.Context(), fmt.Sprint(i), []byte("0")))(t)
		}
		times := map[string]int{}
		err := b.Each(t.Context(), func(e store.Entry) error {
			times[e.Key]++
			_, err := b.Update(t.Context(), e.Key, append(e.Value, '1'), e.Revision)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 600 {
			if n := times[fmt.Sprint(i)]; n != 1 {
				t.Errorf("key %d was visited %d times", i, n)
			}
		}
	}},
	{"buckets/each ends with the first error", func(t *testing.T, kept store.Store) {
		b := kept.Links
		for i := range 10 {
			must(b.Put(t.Context(), fmt.Sprint(i), nil))(t)
		}
		mine, calls := errors.New("mine"), 0
		err := b.Each(t.Context(), func(store.Entry) error {
			calls++
			if calls == 3 {
				return mine
			}
			return nil
		})
		if err != mine || calls != 3 { //nolint:errorlint // the very error, not wrapped
			t.Errorf("got %v after %d calls", err, calls)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = b.Each(ctx, func(store.Entry) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}},
	{"buckets/one wins", func(t *testing.T, kept store.Store) {
		b := kept.Links
		const many = 20
		var group sync.WaitGroup
		var mu sync.Mutex
		created := 0
		for range many {
			group.Go(func() {
				_, err := b.Create(t.Context(), "n", []byte{0})
				if err == nil {
					mu.Lock()
					created++
					mu.Unlock()
				} else if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
				for { // count to many, together
					e, err := b.Get(t.Context(), "n")
					if err == nil {
						_, err = b.Update(t.Context(), "n", []byte{e.Value[0] + 1}, e.Revision)
					}
					if err == nil {
						return
					}
					if !errors.Is(err, store.ErrConflict) {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		e, err := b.Get(t.Context(), "n")
		if err != nil {
			t.Fatal(err)
		}
		if created != 1 || e.Value[0] != many {
			t.Errorf("%d creates won and the count is %d", created, e.Value[0])
		}
	}},
}

// must is for calls that may not fail.
func must(revision uint64, err error) func(*testing.T) uint64 {
	return func(t *testing.T) uint64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
}

func wantEntry(t *testing.T, b store.Bucket, key, value string, revision uint64) {
	t.Helper()
	e, err := b.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if e.Key != key || string(e.Value) != value || e.Revision != revision {
		t.Errorf("got %q = %q at revision %d, want %q = %q at %d", e.Key, e.Value, e.Revision, key, value, revision)
	}
	if off := time.Since(e.Stored).Abs(); off > slack {
		t.Errorf("%q is stamped %v off", key, off)
	}
}

func contents(t *testing.T, b store.Bucket) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := b.Each(t.Context(), func(e store.Entry) error {
		if _, twice := got[e.Key]; twice {
			t.Errorf("%q came twice", e.Key)
		}
		if e.Revision == 0 || e.Stored.IsZero() {
			t.Errorf("%q has revision %d, stored %v", e.Key, e.Revision, e.Stored)
		}
		got[e.Key] = string(e.Value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
