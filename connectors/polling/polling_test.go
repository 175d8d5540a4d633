package polling_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/polling"
)

var of = connectors.Collection{Type: "a", Connector: "b", Record: "c"}

func noon(minutes int) time.Time {
	return time.Date(2026, 1, 2, 12, minutes, 0, 0, time.UTC)
}

func change(id string, minutes int) polling.Change {
	return polling.Change{ID: fmt.Sprint(id, "@", minutes), At: noon(minutes), Ref: of.Ref(id)}
}

// A list is what a system shows.
type list struct {
	all   []polling.Change
	until time.Time
	asked []time.Time // since when
}

func (l *list) feed() polling.Feed {
	return polling.Feed{
		Record: of.String(), Overlap: 5 * time.Minute, Layout: time.RFC3339Nano,
		Changes: func(_ context.Context, since time.Time) ([]polling.Change, time.Time, error) {
			l.asked = append(l.asked, since)
			return slices.DeleteFunc(slices.Clone(l.all), func(c polling.Change) bool { return c.At.Before(since) }), l.until, nil
		},
	}
}

func follow(t *testing.T, f polling.Feed, cursor []byte, want ...string) []byte {
	t.Helper()
	changed, next, err := f.Follow(t.Context(), cursor)
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, changed, want...)
	return next
}

func wantIDs(t *testing.T, changed []connectors.Ref, want ...string) {
	t.Helper()
	var ids []string
	for _, ref := range changed {
		ids = append(ids, ref.ID)
	}
	if !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
}

func begin(t *testing.T, f polling.Feed, last, since time.Time, want ...string) []byte {
	t.Helper()
	changed, next, err := f.Begin(t.Context(), last, since)
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, changed, want...)
	return next
}

// TestFollow: a change is reported once, late ones of the overlap too, and
// several of one record as one.
func TestFollow(t *testing.T) {
	l := &list{all: []polling.Change{change("1", -1), change("2", 0)}}
	f := l.feed()
	at := begin(t, f, noon(0), time.Time{})
	at = follow(t, f, at)
	l.all = append(l.all, change("3", 2), change("1", 1), change("1", 2))
	at = follow(t, f, at, "1", "3")
	l.all = append(l.all, change("4", -2)) // late
	at = follow(t, f, at, "4")
	l.all = append(l.all, polling.Change{ID: "about nothing", At: noon(30)})
	at = follow(t, f, at)
	if again := follow(t, f, at); string(again) != string(at) {
		t.Errorf("where nothing changed, %s became %s", at, again)
	}
	if since := l.asked[len(l.asked)-1]; !since.Equal(noon(25)) {
		t.Errorf("asked since %v", since)
	}
	var cursor polling.Cursor
	if err := json.Unmarshal(at, &cursor); err != nil || len(cursor.Seen) != 1 {
		t.Errorf("the cursor remembers more than the overlap: %s", at)
	}
}

// TestUntil: a cursor does not pass the moment up to which a list is complete.
func TestUntil(t *testing.T) {
	l := &list{}
	f := l.feed()
	at := begin(t, f, noon(0), time.Time{})
	l.all, l.until = []polling.Change{change("1", 10)}, noon(3)
	at = follow(t, f, at, "1")
	l.all = append(l.all, change("2", 0))
	follow(t, f, at, "2")
}

func TestBegin(t *testing.T) {
	all := []polling.Change{change("10", -30), change("9", -30), change("3", -40), change("4", -1)}
	l := &list{all: all}
	at := begin(t, l.feed(), noon(0), noon(-30), "9", "10", "4")
	l.all = append(l.all, change("4", 1))
	follow(t, l.feed(), at, "4")

	l = &list{all: all}
	f := l.feed()
	f.Rebase = true
	at = begin(t, f, noon(3), time.Time{})
	l.all = append(l.all, change("5", -2)) // the overlap is counted from the newest change
	follow(t, f, at, "5")

	l = &list{}
	f = l.feed()
	f.FromStart = true
	at = begin(t, f, time.Time{}, time.Time{})
	l.all = all[:1]
	if follow(t, f, at, "10"); len(l.asked) != 1 || !l.asked[0].IsZero() {
		t.Errorf("asked since %v", l.asked)
	}
}

func TestUnchanged(t *testing.T) {
	l := &list{all: []polling.Change{change("1", 0)}}
	f := l.feed()
	strange := errors.New("strange")
	f.Unchanged = func(context.Context, time.Time) error { return strange }
	at := begin(t, f, noon(0), time.Time{})
	follow(t, f, at)
	l.all = nil
	if _, _, err := f.Follow(t.Context(), at); !errors.Is(err, strange) {
		t.Errorf("got %v", err)
	}
}

// TestStoredCursors: those of earlier versions are read.
func TestStoredCursors(t *testing.T) {
	f := (&list{}).feed()
	follow(t, f, []byte(`{"v":1,"last":"2026-01-02T12:00:00.123456Z","seen":["aaaaaaaaaaaa"]}`))
	f.Layout, f.FromStart = time.DateTime, true
	follow(t, f, []byte(`{"v":1,"last":"2026-01-02 12:00:00"}`))
	follow(t, f, []byte(`{"v":1,"last":""}`))
	for _, layout := range []string{time.RFC3339Nano, time.DateTime} {
		f.Layout, f.FromStart = layout, false
		for _, stored := range []string{"", "{", "null", "{}", `{"v":1}`, `{"v":1,"last":"soon"}`, `{"v":2,"last":"2026-01-02T12:00:00Z"}`} {
			if _, _, err := f.Follow(t.Context(), []byte(stored)); err == nil {
				t.Errorf("%q is taken for a cursor", stored)
			}
		}
	}
}
