package cache_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/cache"
)

// An account has a list, which is read through Lists.
type account struct {
	*cache.Lists[string]
	t      *testing.T
	names  []string
	err    error
	asked  int
	missed int
}

func newAccount(t *testing.T, names ...string) *account {
	a := &account{t: t, names: names}
	a.Lists = cache.NewLists[string](func() { a.missed++ })
	return a
}

func (a *account) ask() ([]string, error) { a.asked++; return a.names, a.err }

func (a *account) find(name string) (bool, *cache.List[string]) {
	a.t.Helper()
	found, list, err := a.Find(a.t.Context(), "op", "acme", "k", cache.ListLife, a.ask, func(all []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(n string) bool { return n != name })
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return len(found) == 1, list
}

func (a *account) notice(name string) {
	a.Notice("k", name, func(n string) bool { return n == name })
}

// TestListsAreReadAgain: a list counts for a while, and is read again for what is
// missing from it, not too often.
func TestListsAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, "one")
		for _, step := range []struct {
			wait  time.Duration
			name  string
			add   string
			found bool
			asked int
		}{
			{0, "one", "two", true, 1},
			{0, "two", "", false, 1},
			{cache.MissLife, "one", "", true, 1},
			{0, "two", "", true, 2},
			{cache.ListLife, "one", "", true, 3},
		} {
			time.Sleep(step.wait)
			if found, _ := a.find(step.name); found != step.found || a.asked != step.asked {
				t.Errorf("%+v: found %v after %d questions", step, found, a.asked)
			}
			if step.add != "" {
				a.names = append(a.names, step.add)
			}
		}
	})
}

// TestListsThatAreRefused: a list that may not be read says so, for a short while.
func TestListsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		a.err = &connectors.Error{Class: connectors.ClassForbidden}
		for range 2 {
			if _, list := a.find("one"); !errors.Is(list.Refused, a.err) || a.asked != 1 {
				t.Errorf("refused for %v after %d questions", list.Refused, a.asked)
			}
		}
		time.Sleep(cache.MissLife)
		a.names, a.err = []string{"one"}, nil
		if found, _ := a.find("one"); !found {
			t.Error("a permission that was given is not noticed")
		}
		a.err = errors.New("outage")
		if _, err := a.Read(t.Context(), "op", "acme", "other", cache.ListLife, a.ask); !connectors.IsRefusal(err) && a.Last("other") != nil {
			t.Errorf("an outage is kept: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := a.Read(ended, "op", "acme", "k", 0, func() ([]string, error) { return nil, ended.Err() })
		if class, _ := connectors.ClassOf(err); class != connectors.ClassRetry || !errors.Is(err, context.Canceled) {
			t.Errorf("a wait that was given up: %v", err)
		}
	})
}

// TestNotice: a name that the list lacks is told of once in a while, and has the list
// read again.
func TestNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, "one")
		a.notice("two") // nothing was read yet
		a.find("one")
		a.notice("one")
		if a.missed != 0 {
			t.Errorf("told %d times of what is known", a.missed)
		}
		time.Sleep(time.Second)
		a.notice("two")
		a.notice("two")
		if a.missed != 1 {
			t.Errorf("told %d times, want once", a.missed)
		}
		if a.find("one"); a.asked != 2 {
			t.Errorf("asked %d times, want a second time", a.asked)
		}
		time.Sleep(time.Second)
		if a.find("one"); a.asked != 2 {
			t.Errorf("asked %d times, want no more than two", a.asked)
		}
		time.Sleep(time.Hour)
		if a.notice("two"); a.missed != 2 {
			t.Errorf("told %d times, want a second time after an hour", a.missed)
		}
	})
}
