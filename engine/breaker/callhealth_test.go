package breaker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestCallHealth(t *testing.T) {
	said := func(class connectors.Class) error {
		return &connectors.Error{Class: class, Op: "x", Status: 499, Message: "a secret of a record"}
	}
	type call struct {
		kind string
		err  error
	}
	times := func(n int, c call) (all []call) {
		for range n {
			all = append(all, c)
		}
		return all
	}
	read, poll, lookUp, create := "read incident", "poll incident", "look-up incident", "create incident"
	well := call{read, nil}
	for _, c := range []struct {
		name    string
		calls   []call
		failing string // the kinds
		refused bool
	}{
		{"nothing", nil, "", false},
		{"one failure, and nothing after it", []call{{read, said(connectors.ClassUnclear)}}, read, false},
		{"one failure, then another kind goes well", []call{{create, said(connectors.ClassUnclear)}, well}, "", false},
		{"always failing beside what goes well", append(times(3, call{create, said(connectors.ClassUnclear)}), times(9, well)...), create, false},
		{"refused credentials", []call{well, {read, said(connectors.ClassUnauthorised)}}, read, true},
		{"refused once, taken elsewhere", []call{{read, said(connectors.ClassUnauthorised)}, {create, nil}}, "", false},
		{"always refused beside what goes well", append(times(3, call{read, said(connectors.ClassUnauthorised)}), call{create, nil}), read, true},
		{"a refused poll", []call{{poll, said(connectors.ClassRejected)}, well}, poll, true},
		{"a refused poll that then goes well", []call{{poll, said(connectors.ClassRejected)}, {poll, nil}}, "", false},
		{"a poll without an end", append(times(3, call{poll, said(connectors.ClassUnclear)}), well), poll, true},
		{"a poll of a table that is not there", []call{{poll, said(connectors.ClassGone)}, well}, "", false},
		{"a table that may not be read, beside what goes well", []call{{"list comments", said(connectors.ClassForbidden)}, well, well}, "list comments", true},
		{"a table that may be read again", []call{{"list comments", said(connectors.ClassForbidden)}, {"list comments", nil}}, "", false},
		{"a record that may not be read", times(4, call{read, said(connectors.ClassForbidden)}), "", false},
		{"a refused look-up", []call{{lookUp, said(connectors.ClassRejected)}, well}, lookUp, true},
		{"records that are refused", times(4, call{create, said(connectors.ClassRejected)}), "", false},
		{"every record is refused", append(times(5, call{create, said(connectors.ClassRejected)}), well), create, true},
		{"one record in five is taken", append(append(times(4, call{create, said(connectors.ClassRejected)}), call{create, nil}), times(4, call{create, said(connectors.ClassRejected)})...), "", false},
		{"records that are gone, or written by others", append(times(9, call{read, said(connectors.ClassGone)}), times(9, call{create, said(connectors.ClassConflict)})...), "", false},
		{"a history that may not be read", times(9, call{"history incident", said(connectors.ClassRejected)}), "", false},
		{"what was not sent", append(times(9, call{read, said(connectors.ClassThrottled)}), times(9, call{read, context.Canceled})...), "", false},
		{"a cached answer says nothing of other kinds", []call{{create, said(connectors.ClassUnclear)}, {OpResolve, nil}}, create, false},
		{"not a connector's error", times(3, call{read, errors.New("x")}), read, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h callHealth
			now := time.Unix(1e9, 0)
			for _, call := range c.calls {
				h.note(call.kind, call.err, now) // a clock that stands still
			}
			s := ConnectorStatus{OK: true}
			h.status(&s, now)
			var failing []string
			for _, call := range s.Calls {
				if !call.OK {
					failing = append(failing, call.Call)
				}
			}
			if got := strings.Join(failing, ","); got != c.failing || s.OK != (got == "") || s.Refused != c.refused {
				t.Errorf("failing %q, ok %t, refused %t; want %q, %t", got, s.OK, s.Refused, c.failing, c.refused)
			}
		})
	}
}

// TestCallHealthTells: what a person needs to know of a failure, and nothing of
// a record.
func TestCallHealthTells(t *testing.T) {
	var h callHealth
	now := time.Unix(1e9, 0)
	worked := now.Add(-time.Hour)
	h.note("poll incident", nil, worked)
	h.note("poll incident", &connectors.Error{Class: connectors.ClassRejected, Op: "poll", Record: "r", Status: 400, Message: "Invalid table u_gone"}, now)
	h.note("read incident", &connectors.Error{Class: connectors.ClassUnclear, Op: "read", Status: 200, Message: "the answer is not the JSON that was expected", Err: errors.New("number 4711")}, now)
	h.note("create incident", &connectors.Error{Class: connectors.ClassUnclear, Op: "create", Status: 500, Message: "it was 4711"}, now)
	s := ConnectorStatus{OK: true}
	h.status(&s, now)
	var got []string
	for _, c := range s.Calls {
		got = append(got, c.Error)
		if c.LastFailed == nil || !c.LastFailed.Equal(now) || (c.LastOK != nil) != (c.Call == "poll incident") || c.LastOK != nil && !c.LastOK.Equal(worked) {
			t.Errorf("%s: last went well %v, failed %v", c.Call, c.LastOK, c.LastFailed)
		}
	}
	want := []string{"create: HTTP 500: unclear", "poll: HTTP 400: Invalid table u_gone", "read: HTTP 200: the answer is not the JSON that was expected"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s.LastError != want[1] {
		t.Errorf("the first to be told is %q", s.LastError)
	}

	h.status(&s, now.Add(callsKept+time.Second))
	if len(h.kinds) != 0 {
		t.Errorf("%d kinds that nobody calls any more are kept", len(h.kinds))
	}
	for i := range 10 * mostCalls {
		h.note(fmt.Sprint("read ", i), nil, now.Add(time.Duration(i)))
	}
	if len(h.kinds) != mostCalls {
		t.Errorf("%d kinds are kept", len(h.kinds))
	}
}
