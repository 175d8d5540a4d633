package paging_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
)

type page = paging.Page[string, int]

// list asks for pages by their number, and counts.
func list(asked *int, fetch func(at int) page) paging.List[string, int] {
	return paging.List[string, int]{
		Op: "poll", Record: "a.b.c", ID: func(s string) string { return s },
		Fetch: func(_ context.Context, at int) (page, error) {
			*asked++
			return fetch(at), nil
		},
	}
}

func read(t *testing.T, l paging.List[string, int]) (all []string, err error) {
	t.Helper()
	for item, e := range l.All(t.Context(), 0) {
		if err != nil {
			t.Error("it goes on after an error")
		}
		if err = e; err == nil {
			all = append(all, item)
		}
	}
	return all, err
}

func TestAll(t *testing.T) {
	asked := 0
	pages := [][]string{{"a", "b"}, {"b", "c"}, {}, {"b", "c"}, {"d", "a"}} // two empty of news, not in a row
	got, err := read(t, list(&asked, func(at int) page {
		return page{Items: pages[at], More: at+1 < len(pages), Next: at + 1}
	}))
	if want := []string{"a", "b", "c", "d"}; err != nil || !slices.Equal(got, want) || asked != len(pages) {
		t.Errorf("got %v in %d pages, %v; want %v", got, asked, err, want)
	}
}

func TestItemsWithoutID(t *testing.T) {
	asked := 0
	l := list(&asked, func(int) page { return page{Items: []string{"a", "a"}} })
	l.ID = nil
	if got, err := read(t, l); err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestStops(t *testing.T) {
	asked := 0
	for range list(&asked, func(at int) page { return page{Items: []string{"a"}, More: true, Next: at + 1} }).All(t.Context(), 0) {
		break
	}
	if asked != 1 {
		t.Errorf("%d pages were asked for", asked)
	}
}

func TestFailure(t *testing.T) {
	failed := errors.New("failed")
	l := paging.List[string, int]{Fetch: func(_ context.Context, at int) (page, error) {
		if at == 1 {
			return page{}, failed
		}
		return page{Items: []string{"a"}, More: true, Next: 1}, nil
	}}
	if got, err := read(t, l); !errors.Is(err, failed) || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestEndless: a list that does not end is given up, each in its way.
func TestEndless(t *testing.T) {
	for name, test := range map[string]struct {
		fetch func(at int) page
		asked int
	}{
		"a circle":      {func(at int) page { return page{More: true, Next: (at + 1) % 3} }, 3},
		"the same page": {func(at int) page { return page{Items: []string{"a"}, More: true, Next: at + 1} }, 3},
		"empty pages":   {func(at int) page { return page{More: true, Next: at + 1} }, 10_000},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			_, err := read(t, list(&asked, test.fetch))
			var failure *connectors.Error
			if !errors.As(err, &failure) || failure.Class != connectors.ClassRejected || failure.Code != paging.CodeEndless || failure.Record != "a.b.c" {
				t.Errorf("got %v", err)
			}
			if asked != test.asked {
				t.Errorf("%d pages were asked for, want %d", asked, test.asked)
			}
		})
	}
}
