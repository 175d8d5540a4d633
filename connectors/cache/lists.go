package cache

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// How long a list counts, for those who look something up in it. What is missing from
// one is looked for again, at most once in the second time.
const (
	ListLife = 10 * time.Minute
	MissLife = 30 * time.Second
	// AnyAge takes whatever was once read.
	AnyAge = time.Duration(math.MaxInt64)
	// tellAgain is how often one name is told of that is in no list: one that was
	// archived stands in records all the same.
	tellAgain = time.Hour
)

// Lists keeps lists of an account that are read whole, by key, for what is looked for
// in them. It is safe for concurrent use.
type Lists[V any] struct {
	latest *Latest[string, List[V]]
	// missed is told of what a record shows and the list does not have; nil: nobody
	// wants to know.
	missed func()

	mu       sync.Mutex // guards what follows
	told     map[string]time.Time
	outdated map[string]time.Time // until when a list was read that lacks what was noticed
}

// A List is one reading of a list. It is never changed.
type List[V any] struct {
	All []V
	At  time.Time
	// Refused is why the account does not show the list to these credentials.
	Refused error
}

// NewLists makes empty ones.
func NewLists[V any](missed func()) *Lists[V] {
	return &Lists[V]{latest: NewLatest[string, List[V]](), missed: missed}
}

// Last is the list as it was read last, without asking; nil: it was not.
func (l *Lists[V]) Last(key string) *List[V] { return l.latest.Last(key) }

// Read returns the list as it was read no longer ago than age. op and record are for
// the error of one who waited for it in vain.
func (l *Lists[V]) Read(ctx context.Context, op, record, key string, age time.Duration, ask func() ([]V, error)) (*List[V], error) {
	fresh := func(last *List[V]) bool {
		if age == AnyAge {
			return true
		}
		old := time.Since(last.At)
		return old < age && !l.isOutdated(key, last.At) && (last.Refused == nil || old < MissLife) // a permission may be given
	}
	now, err := l.latest.Fetch(ctx, key, fresh, func() (*List[V], error) {
		list := &List[V]{At: time.Now()}
		all, err := ask()
		if connectors.IsClass(err, connectors.ClassForbidden) {
			list.Refused = err
			return list, nil
		}
		list.All = all
		return list, err
	})
	if _, known := connectors.ClassOf(err); err != nil && !known {
		err = &connectors.Error{Class: connectors.ClassRetry, Op: op, Record: record, Message: "not sent: waiting for a list of names", Err: err}
	}
	return now, err
}

// Find returns what match makes of the list, which is read again once where that is
// nothing.
func (l *Lists[V]) Find(ctx context.Context, op, record, key string, age time.Duration, ask func() ([]V, error), match func([]V) []V) ([]V, *List[V], error) {
	list, err := l.Read(ctx, op, record, key, age, ask)
	if err != nil {
		return nil, nil, err
	}
	found := match(list.All)
	if len(found) > 0 || list.Refused != nil || time.Since(list.At) < MissLife {
		return found, list, nil //nolint:nilerr // a refusal is for the caller to tell
	}
	if list, err = l.Read(ctx, op, record, key, MissLife, ask); err != nil {
		return nil, nil, err
	}
	return match(list.All), list, nil
}

func (l *Lists[V]) isOutdated(key string, read time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, noticed := l.outdated[key]
	return noticed && !read.After(until)
}

// Notice takes note, once in a while, of a name that a record shows and that the list
// did not have when it was read last: that one does not count any more. It asks nothing.
func (l *Lists[V]) Notice(key, name string, has func(V) bool) {
	last := l.Last(key)
	if last == nil || last.Refused != nil || name == "" || slices.ContainsFunc(last.All, has) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of, now := key+"\x00"+name, time.Now()
	if at, known := l.told[of]; known && now.Sub(at) < tellAgain {
		return
	}
	if l.told == nil || len(l.told) >= bound {
		l.told = map[string]time.Time{}
	}
	l.told[of] = now
	if l.outdated == nil {
		l.outdated = map[string]time.Time{}
	}
	l.outdated[key] = last.At
	if l.missed != nil {
		l.missed()
	}
}
