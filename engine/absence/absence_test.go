package absence_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/absence"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// system is a connector that finds only some records.
type system struct {
	identity connectors.Identity
	refused  error // of a probe
	hidden   map[string]bool
	reads    []string
}

func (s *system) Read(_ context.Context, ref connectors.Ref) (connectors.Record, error) {
	s.reads = append(s.reads, ref.ID)
	if s.hidden[ref.ID] || s.hidden["all"] {
		return connectors.Record{}, connectors.NotFound("read", ref, "no such record")
	}
	return connectors.Record{Ref: ref}, nil
}

func (s *system) Throttled() time.Time { return time.Time{} }

func (s *system) Probe(context.Context) (connectors.Identity, error) { return s.identity, s.refused }

func incident(n int) connectors.Ref {
	return connectors.Ref{Collection: connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}, ID: fmt.Sprint(n)}
}

type linked int

func (n linked) Each(_ context.Context, f func(links.Stored) error) error {
	for i := range int(n) {
		ticket := connectors.Ref{Collection: connectors.Collection{Type: "servicenow", Connector: "itsm", Record: "incident"}, ID: fmt.Sprint("t", i)}
		if err := f(links.Stored{Link: &links.Link{Source: incident(i), Target: &ticket, Phase: links.Active}}); err != nil {
			return err
		}
	}
	return nil
}

type clock struct {
	store.SystemClock
	now time.Time
}

func (c *clock) Now() time.Time { return c.now }

type hints []string

func (h *hints) Add(_ context.Context, ref connectors.Ref, _ string) error {
	*h = append(*h, ref.ID)
	return nil
}

func newBreaker(s *system, c store.Clock) *breaker.Breaker {
	return breaker.New("acme", "incidentio", s, c, breaker.NewWaiters(c, nil))
}

func hide(ids ...int) map[string]bool {
	hidden := map[string]bool{}
	for _, id := range ids {
		hidden[fmt.Sprint(id)] = true
	}
	return hidden
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name    string
		linked  linked
		missing []int // already
		hidden  map[string]bool
		probe   error
		deleted bool
		err     string
	}{
		{name: "one of many", linked: 40, hidden: hide(0), deleted: true},
		{name: "the only one", linked: 1, hidden: hide(0), deleted: true},
		{name: "three at once", linked: 40, missing: []int{1, 2}, hidden: hide(0, 1, 2), deleted: true},
		{name: "four at once", linked: 40, missing: []int{1, 2, 3}, hidden: hide(0, 1, 2, 3)},
		{name: "none reads, before anybody looked", linked: 40, hidden: map[string]bool{"all": true}},
		{name: "none of two reads", linked: 2, hidden: map[string]bool{"all": true}},
		{
			name: "credentials are not taken", linked: 40, hidden: hide(0), err: "key revoked",
			probe: &connectors.Error{Class: connectors.ClassUnauthorised, Op: "probe", Status: 401, Message: "key revoked"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			s := &system{hidden: test.hidden, refused: test.probe}
			asked := &hints{}
			w := absence.NewWatch(test.linked, asked, c)
			for _, id := range append(test.missing, 0) {
				w.Missed(incident(id), c.now)
			}
			deleted, err := w.Judge(t.Context(), newBreaker(s, c), incident(0))
			if deleted != test.deleted {
				t.Errorf("deleted: %v, want %v", deleted, test.deleted)
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			for _, id := range s.reads {
				if hidden := test.hidden[id] || test.hidden["all"]; hidden != strings.Contains(strings.Join(*asked, ","), id) {
					t.Errorf("record %s was found missing: %v; hinted were %v", id, hidden, *asked)
				}
			}
			if len(s.reads) > 5 {
				t.Errorf("%d records were read", len(s.reads))
			}
		})
	}
}

// TestFewAtATime: those that count as deleted go on counting for an hour.
func TestFewAtATime(t *testing.T) {
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s := &system{hidden: hide(0, 1, 2, 3)}
	w := absence.NewWatch(linked(40), &hints{}, c)
	g := newBreaker(s, c)
	gone := func(id int) bool {
		t.Helper()
		w.Missed(incident(id), c.now)
		deleted, err := w.Judge(t.Context(), g, incident(id))
		if err != nil {
			t.Fatal(err)
		}
		if deleted {
			w.Lost(incident(id))
		}
		return deleted
	}
	for id := range 3 {
		if !gone(id) {
			t.Errorf("record %d does not count as deleted", id)
		}
	}
	if gone(3) {
		t.Error("a fourth one at once counts as deleted")
	}
	if is := w.Of("acme"); !is.Held || is.Records != 4 {
		t.Errorf("known of the connector: %+v", is)
	}
	c.now = c.now.Add(time.Hour)
	if !gone(3) {
		t.Error("an hour later it still does not count as deleted")
	}
	w.Found(incident(3))
	c.now = c.now.Add(time.Hour)
	if is := w.Of("acme"); is.Records != 0 {
		t.Errorf("nothing is missing any more: %+v", is)
	}
}

func TestCheckAccount(t *testing.T) {
	for _, test := range []struct {
		name   string
		before string
		linked linked
		hidden bool
		want   string // in the failure; empty: none
		kept   string
	}{
		{name: "the first", kept: "https://app.example/acme"},
		{name: "the same", before: "https://app.example/acme", linked: 40, hidden: true, kept: "https://app.example/acme"},
		{
			name: "another", before: "https://app.example/other", linked: 40, hidden: true, kept: "https://app.example/other",
			want: "the credentials are of https://app.example/acme, and the links of this connector are of https://app.example/other",
		},
		{name: "renamed", before: "https://app.example/other", linked: 40, kept: "https://app.example/acme"},
		{name: "another, and nothing is linked", before: "https://app.example/other", hidden: true, kept: "https://app.example/acme"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			s := &system{identity: connectors.Identity{Account: "https://app.example/acme"}, hidden: map[string]bool{"all": test.hidden}}
			state := memory.New(c).State
			w := absence.NewWatch(test.linked, &hints{}, c)
			if test.before != "" {
				earlier := &system{identity: connectors.Identity{Account: test.before}}
				if err := w.CheckAccount(t.Context(), newBreaker(earlier, c), state); err != nil {
					t.Fatal(err)
				}
			}
			g := newBreaker(s, c)
			g.Admit(func(ctx context.Context) error { return w.CheckAccount(ctx, g, state) })
			s.reads = nil
			_, err := g.Read(t.Context(), incident(0))
			var failure *connectors.Error
			switch {
			case test.want == "" && errors.As(err, &failure) && failure.Class != connectors.ClassGone:
				t.Errorf("refused: %v", err)
			case test.want != "" && (!errors.As(err, &failure) || failure.Class != connectors.ClassUnauthorised || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error %v, want one that says %q", err, test.want)
			case test.want != "" && g.Status().OK:
				t.Errorf("the connector is not paused: %+v", g.Status())
			}
			entry, err := state.Get(t.Context(), "account/acme")
			if err != nil || !strings.Contains(string(entry.Value), test.kept) {
				t.Errorf("kept %s, %v; want %s", entry.Value, err, test.kept)
			}
		})
	}
}
