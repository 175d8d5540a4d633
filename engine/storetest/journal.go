package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

var journalCases = []testCase{
	{"journal/newest first", func(t *testing.T, kept store.Store) {
		var all []string
		one := incidents.Ref("1")
		wantJournal(t, kept, connectors.Ref{}, time.Time{}, 0, nil)
		wantJournal(t, kept, connectors.Ref{}, time.Time{}, 10, nil)
		wantJournal(t, kept, one, time.Time{}, 10, nil)
		var ofOne []string
		for i := range 100 {
			entry := fmt.Sprintf(`{"n":%d}`, i)
			ref := incidents.Ref(fmt.Sprint(i % 7))
			appendEntry(t, kept, ref, entry)
			all = append(all, entry)
			if ref == one {
				ofOne = append(ofOne, entry)
			}
		}
		slices.Reverse(all)
		slices.Reverse(ofOne)
		for _, limit := range []int{0, 1, 2, 99, 100, 1000} {
			wantJournal(t, kept, connectors.Ref{}, time.Time{}, limit, first(all, limit))
			wantJournal(t, kept, one, time.Time{}, limit, first(ofOne, limit))
		}
	}},
	{"journal/since", func(t *testing.T, kept store.Store) {
		ref := incidents.Ref("1")
		appendEntry(t, kept, ref, "1")
		pass(time.Hour)
		since := time.Now()
		appendEntry(t, kept, ref, "2")
		pass(time.Hour)
		appendEntry(t, kept, ref, "3")
		for _, of := range []connectors.Ref{ref, {}} {
			for _, limit := range []int{0, 10} {
				wantJournal(t, kept, of, since, limit, []string{"3", "2"})
				wantJournal(t, kept, of, since.Add(-time.Minute), limit, []string{"3", "2"})
				wantJournal(t, kept, of, since.Add(time.Minute), limit, []string{"3"})
				wantJournal(t, kept, of, time.Now().Add(time.Minute), limit, nil)
			}
			wantJournal(t, kept, of, since, 1, []string{"3"})
		}
	}},
	{"journal/follow", func(t *testing.T, kept store.Store) {
		one, other := incidents.Ref("1"), incidents.Ref("2")
		appendEntry(t, kept, one, "before")
		for of, want := range map[connectors.Ref][]string{{}: {"a", "b", "c", "d"}, one: {"a", "c"}, incidents.Ref("none"): nil} {
			ctx, cancel := context.WithCancel(t.Context())
			begun, ended, taken := make(chan struct{}), make(chan error, 1), make(chan string, 10)
			go func() {
				ended <- kept.Journal.Follow(ctx, of, func() { close(begun) }, func(entry []byte) error {
					taken <- string(entry)
					return nil
				})
			}()
			<-begun
			for i, entry := range []string{"a", "b", "c", "d"} {
				appendEntry(t, kept, []connectors.Ref{one, other}[i%2], entry)
			}
			var got []string
			for range want {
				got = append(got, <-taken)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("ended: %v", err)
			}
			close(taken)
			for more := range taken {
				got = append(got, more)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("of %q (-want +got):\n%s", of, diff)
			}
		}
		stop := errors.New("enough")
		begun, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- kept.Journal.Follow(t.Context(), connectors.Ref{}, func() { close(begun) }, func([]byte) error { return stop })
		}()
		<-begun
		appendEntry(t, kept, one, "last")
		if err := <-ended; !errors.Is(err, stop) {
			t.Errorf("ended: %v", err)
		}
	}},
	{"journal/purge", func(t *testing.T, kept store.Store) {
		refs := []connectors.Ref{
			incidents.Ref("1"), incidents.Ref("11"), incidents.Ref("1.1"), incidents.Ref("*"), incidents.Ref(">"),
			followUps.Ref("1"), incidents.Ref(strings.Repeat("long", 1000)),
		}
		for range 3 {
			for i, ref := range refs {
				appendEntry(t, kept, ref, fmt.Sprint(i))
			}
		}
		for i, ref := range refs {
			if err := kept.Journal.Purge(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
			wantJournal(t, kept, ref, time.Time{}, 0, nil)
			for j, other := range refs[i+1:] {
				entry := fmt.Sprint(i + 1 + j)
				wantJournal(t, kept, other, time.Time{}, 0, []string{entry, entry, entry})
			}
		}
		wantJournal(t, kept, connectors.Ref{}, time.Time{}, 5, nil)
		appendEntry(t, kept, refs[0], "new")
		wantJournal(t, kept, connectors.Ref{}, time.Time{}, 5, []string{"new"})
		if err := kept.Journal.Purge(t.Context(), incidents.Ref("never seen")); err != nil {
			t.Error(err)
		}
	}},
	{"journal/scan", func(t *testing.T, kept store.Store) {
		scan := func(since time.Time, most int) (got []string, err error) {
			enough := errors.New("enough")
			err = kept.Journal.Scan(t.Context(), since, func(entry []byte) error {
				if got = append(got, string(entry)); len(got) == most {
					return enough
				}
				return nil
			})
			if errors.Is(err, enough) {
				err = nil
			}
			return got, err
		}
		const many = 600 // more than are read at once
		var want []string
		for i := range many {
			want = append(want, fmt.Sprint(i))
			appendEntry(t, kept, incidents.Ref(fmt.Sprint(i%7)), want[i])
		}
		for _, most := range []int{0, 1, 300, many} {
			got, err := scan(time.Time{}, most)
			if diff := cmp.Diff(first(want, most), got); err != nil || diff != "" {
				t.Errorf("at most %d: %v (-want +got):\n%s", most, err, diff)
			}
		}
		if err := kept.Journal.Purge(t.Context(), incidents.Ref("3")); err != nil {
			t.Fatal(err)
		}
		if got, err := scan(time.Time{}, 5); err != nil || !slices.Equal(got, []string{"0", "1", "2", "4", "5"}) {
			t.Errorf("after a purge: %v %v", got, err)
		}
		if got, err := scan(time.Now().Add(time.Hour), 0); err != nil || len(got) != 0 {
			t.Errorf("since later: %v %v", got, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := kept.Journal.Scan(ended, time.Time{}, func([]byte) error { return nil }); err == nil {
			t.Error("a scan that nobody waits for did not fail")
		}
	}},
	{"journal/much purged in between", func(t *testing.T, kept store.Store) {
		appendEntry(t, kept, incidents.Ref("old"), "old")
		for i := range 300 {
			appendEntry(t, kept, incidents.Ref("busy"), fmt.Sprint(i))
		}
		appendEntry(t, kept, incidents.Ref("new"), "new")
		if err := kept.Journal.Purge(t.Context(), incidents.Ref("busy")); err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{0, 2, 3} {
			wantJournal(t, kept, connectors.Ref{}, time.Time{}, limit, []string{"new", "old"})
		}
	}},
}

func appendEntry(t *testing.T, kept store.Store, ref connectors.Ref, entry string) {
	t.Helper()
	if err := kept.Journal.Append(t.Context(), ref, []byte(entry)); err != nil {
		t.Fatal(err)
	}
}

func wantJournal(t *testing.T, kept store.Store, ref connectors.Ref, since time.Time, limit int, want []string) {
	t.Helper()
	entries, err := kept.Journal.Read(t.Context(), ref, since, limit)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, string(e))
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("journal of %q, limit %d (-want +got):\n%s", ref, limit, diff)
	}
}

func first(entries []string, limit int) []string {
	if limit == 0 || limit > len(entries) {
		return entries
	}
	return entries[:limit]
}
