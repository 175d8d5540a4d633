package engine

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
)

// ErrCursor says that a place in a list cannot be read.
var ErrCursor = errors.New("expected what the answer before gave")

// pageOf returns the elements of a list, newest first, that come after a place in it, at
// most limit of them (0: all), and the place at which the next page begins, empty
// where there is none. A place stays where it is whatever comes and goes meanwhile.
func pageOf[T any](all []T, after string, limit int, key func(T) (at time.Time, id string)) (page []T, next string, err error) {
	order := func(at time.Time, id string, atOther time.Time, idOther string) int {
		return cmp.Or(atOther.Compare(at), cmp.Compare(id, idOther))
	}
	slices.SortFunc(all, func(a, b T) int {
		at, id := key(a)
		atOther, idOther := key(b)
		return order(at, id, atOther, idOther)
	})
	if after != "" {
		stamp, id, ok := strings.Cut(after, "/")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil || !ok {
			return nil, "", ErrCursor
		}
		all = slices.DeleteFunc(all, func(e T) bool {
			atOther, idOther := key(e)
			return order(at, id, atOther, idOther) >= 0
		})
	}
	if limit == 0 || len(all) <= limit {
		return all, "", nil
	}
	at, id := key(all[limit-1])
	return all[:limit], at.UTC().Format(time.RFC3339Nano) + "/" + id, nil
}
