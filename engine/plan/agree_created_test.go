package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// TestWhatATicketBeginsWith: of one that answered its creation, what it holds is
// agreed; of one that was found, what was sent, unless nobody wrote it since.
func TestWhatATicketBeginsWith(t *testing.T) {
	d, now := links.NewDigester([]byte("a key for tests")), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	name := links.Outbound("title")
	sent := &links.Opened{Fields: map[string]links.Sent{name: {From: d.Of("title"), Sent: d.Of("title"), Expr: "e"}}}
	agreed := func(have any) map[string]links.Agreement {
		return map[string]links.Agreement{name: {From: d.Of("title"), Have: d.Of(have), Expr: "e"}}
	}
	ticket := func(title any, pristine bool) connectors.Record {
		return connectors.Record{Pristine: pristine, Fields: map[string]any{"title": title}}
	}
	for _, test := range []struct {
		name    string
		created bool
		ticket  connectors.Record
		want    map[string]links.Agreement
		lost    bool
	}{
		{"created", true, ticket("TITLE", true), agreed("TITLE"), false},
		{"created, and it stayed empty", true, ticket("", true), map[string]links.Agreement{}, true},
		{"found as it was opened", false, ticket("TITLE", true), agreed("TITLE"), false},
		{"found, and it had stayed empty", false, ticket(nil, true), map[string]links.Agreement{}, true},
		{"found, and written since", false, ticket("typed", false), agreed("title"), false},
		{"found, and emptied since", false, ticket(nil, false), agreed("title"), false},
	} {
		next := &links.Link{Fields: map[string]links.Agreement{}}
		var lost []Failure
		if test.created {
			_, lost = AgreeCreated(next, []rules.Value{{Field: "title", Value: "title", Expr: "e"}}, map[string]any{"title": "title"}, nil, test.ticket, now, d)
		} else {
			lost = AgreeFound(next, sent, test.ticket, now, d)
		}
		if diff := cmp.Diff(test.want, next.Fields); diff != "" {
			t.Errorf("%s: agreements (-want +got):\n%s", test.name, diff)
		}
		if _, refused := next.Refusal(name); refused != test.lost || len(lost) > 0 != test.lost {
			t.Errorf("%s: lost %v, remembered %t, want %t", test.name, lost, refused, test.lost)
		}
	}
}

// TestAStateBegins: a state that lies deeper in a record did stick.
func TestAStateBegins(t *testing.T) {
	d, next := links.NewDigester([]byte("a key for tests")), &links.Link{Fields: map[string]links.Agreement{}}
	ticket := connectors.Record{Fields: map[string]any{"status": map[string]any{"name": "Live"}, "custom": map[string]any{"A.B": "x"}}}
	values := []rules.Value{{Field: "status.name", Once: true, Value: "Live"}, {Field: "custom/A.B", Once: true, Value: "x"}}
	_, lost := AgreeCreated(next, values, map[string]any{"status.name": "Live", "custom/A.B": "x"}, nil, ticket, time.Time{}, d)
	if len(lost) > 0 {
		t.Errorf("lost: %+v", lost)
	}
}
