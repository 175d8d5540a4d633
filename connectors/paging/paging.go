// Package paging reads lists that a system shows page by page. How a page is
// asked for, and what tells that another follows, its user says; that the list
// ends, and that nothing is shown twice, is held here.
//
// It knows no system.
package paging

import (
	"context"
	"fmt"
	"iter"

	"github.com/lockstep-sync/lockstep/connectors"
)

// CodeEndless is the Code of the failure of a list that does not end.
const CodeEndless = "endless_list"

const (
	// maxPages bounds every list, also one of which all pages are empty.
	maxPages = 10_000
	// maxRepeats is how many pages in a row may show nothing new. One may: pages
	// overlap, and what changes while they are read moves from one to another.
	maxRepeats = 1
)

// A Page is what one request brought.
type Page[T any, At comparable] struct {
	Items []T
	// More says that a page follows, and Next where it begins.
	More bool
	Next At
}

// A List is a list of items; At is where a page begins, an offset or a token.
type List[T any, At comparable] struct {
	Op, Record string // for errors
	// Fetch asks for one page.
	Fetch func(ctx context.Context, at At) (Page[T, At], error)
	// ID tells items apart: each is shown once. "" is an item without an id, which
	// is always shown. nil: no item has one.
	ID func(T) string
}

// All reads the list from its first page to its end, or to where the caller
// stops. An error is the last that it yields. A list that does not end (a proxy
// that repeats a page, or takes off what tells the last one) is ClassRejected.
func (l List[T, At]) All(ctx context.Context, first At) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		asked, shown := map[At]bool{}, map[string]bool{}
		repeats := 0
		for at, pages := first, 0; ; pages++ {
			if asked[at] {
				yield(none, l.endless("its pages go round in a circle"))
				return
			}
			if pages == maxPages {
				yield(none, l.endless(fmt.Sprintf("it goes on after %d pages", maxPages)))
				return
			}
			asked[at] = true
			page, err := l.Fetch(ctx, at)
			if err != nil {
				yield(none, err)
				return
			}
			fresh := len(page.Items) == 0
			for _, item := range page.Items {
				if id := l.id(item); id != "" {
					if shown[id] {
						continue
					}
					shown[id] = true
				}
				fresh = true
				if !yield(item, nil) {
					return
				}
			}
			if repeats++; fresh {
				repeats = 0
			}
			if repeats > maxRepeats {
				yield(none, l.endless("it shows the same page again and again"))
				return
			}
			if !page.More {
				return
			}
			at = page.Next
		}
	}
}

func (l List[T, At]) id(item T) string {
	if l.ID == nil {
		return ""
	}
	return l.ID(item)
}

func (l List[T, At]) endless(why string) *connectors.Error {
	return &connectors.Error{
		Class: connectors.ClassRejected, Op: l.Op, Record: l.Record, Code: CodeEndless,
		Message: "the list does not end: " + why + "; does a proxy change the requests or answers?",
	}
}

// Collect returns all that a list holds; nothing where reading it fails.
func Collect[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}
