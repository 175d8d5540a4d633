package servicenow_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// edit changes the parameters of requests on their way.
type edit struct {
	to     http.RoundTripper
	change func(query map[string][]string)
}

func (e edit) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	q := r.URL.Query()
	e.change(q)
	r.URL.RawQuery = q.Encode()
	return e.to.RoundTrip(r)
}

// TestResolveDuringAFault: a look-up that got no answer fails the whole, with what
// the fault is; the conformance suite holds the other calls.
func TestResolveDuringAFault(t *testing.T) {
	for name, test := range map[string]struct {
		fault simulator.Fault
		class connectors.Class
	}{
		"outage":                    {simulator.Fault{Kind: simulator.Refuse}, connectors.ClassRetry},
		"429":                       {simulator.Fault{Kind: simulator.Throttle}, connectors.ClassThrottled},
		"503":                       {simulator.Fault{Kind: simulator.FailBefore}, connectors.ClassUnclear},
		"cancelled amid the answer": {simulator.Fault{Kind: servicenowtest.CancelledMid}, connectors.ClassUnclear},
		"reset":                     {simulator.Fault{Kind: simulator.ResetBefore}, connectors.ClassUnclear},
		"wrong password":            {simulator.Fault{Kind: simulator.FailBefore, Status: 401}, connectors.ClassUnauthorised},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, c := instance(t)
				server.Inject(test.fault)
				_, _, err := c.Resolve(t.Context(), "incident", map[string]any{"cmdb_ci": connectors.Lookup{Key: "name", Value: "db"}})
				wantClass(t, err, test.class)
			})
		})
	}
}

func TestReadsOutlastAShortFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		record := create(t, c, "k", nil)
		server.Inject(simulator.Fault{Kind: servicenowtest.CancelledMid, Times: 1})
		server.Inject(simulator.Fault{Kind: simulator.ResetBefore, Times: 1})
		if _, err := c.Read(t.Context(), record.Ref); err != nil {
			t.Error(err)
		}
	})
}

func TestCommitLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		server.Inject(simulator.Fault{Kind: simulator.CommitLate, Method: "POST", Delay: 30 * time.Second, Times: 1})
		_, err := c.Create(t.Context(), draft("k", nil))
		wantClass(t, err, connectors.ClassUnclear)
		if n := len(server.Tickets()); n != 0 {
			t.Fatalf("%d tickets at once", n)
		}
		time.Sleep(31 * time.Second)
		if found, err := c.FindByKey(t.Context(), incidents, "k"); err != nil || len(found) != 1 {
			t.Errorf("found %d, %v; want the late one", len(found), err)
		}
	})
}

func TestThrottledSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		server.Inject(simulator.Fault{Kind: simulator.Throttle, RetryAfter: time.Minute, Times: 1})
		_, err := c.Read(t.Context(), incidents.Ref("0123"))
		wantClass(t, err, connectors.ClassThrottled)
		_, err = c.Create(t.Context(), draft("k", nil))
		wantClass(t, err, connectors.ClassThrottled)
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		time.Sleep(time.Minute)
		if !c.Throttled().IsZero() {
			t.Errorf("still throttled until %v", c.Throttled())
		}
		create(t, c, "k", nil)
	})
}

func TestRefusalsNameTheField(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(*servicenowtest.Server)
		before  servicenowtest.Row
		fields  map[string]any
		field   string
		code    string
		words   []string
	}{
		{
			name: "resolution code not sent", fields: map[string]any{"state": int64(6), "close_notes": "done"},
			field: "close_code", code: "data_policy", words: []string{"Resolution code", "once or outbound"},
		},
		{
			name: "resolution code not in the list", fields: map[string]any{"state": int64(6), "close_notes": "done", "close_code": "Fixed it"},
			field: "close_code", code: "data_policy", words: []string{"Resolution code", "choice list"},
		},
		{
			name: "resolution notes", fields: map[string]any{"state": int64(6), "close_code": "Duplicate"},
			field: "close_notes", code: "data_policy", words: []string{"Close notes"},
		},
		{
			name: "the one that was sent, of two", fields: map[string]any{"state": int64(6), "close_code": "Fixed it"},
			field: "close_code", code: "data_policy", words: []string{"Resolution code, Close notes", "choice list"},
		},
		{name: "on hold", fields: map[string]any{"state": int64(3)}, field: "hold_reason", code: "data_policy"},
		{
			name:   "reopening a closed one",
			before: servicenowtest.Row{"state": "7", "close_code": "Duplicate", "close_notes": "done"}, fields: map[string]any{"state": int64(2)},
			code: "business_rule", words: []string{"aborted by Business Rule"},
		},
		{
			name: "closing without the role", fields: map[string]any{"state": int64(7), "close_code": "Duplicate", "close_notes": "done"},
			code: "acl", words: []string{"ACL Exception", "lacks a role"},
		},
		{
			name: "no permission", prepare: func(s *servicenowtest.Server) { s.DenyWrites("incident", true) }, fields: map[string]any{"urgency": int64(1)},
			code: "acl", words: []string{"ACL Exception"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, c := instance(t)
			record := create(t, c, "k", nil)
			if test.before != nil {
				if err := server.Edit("incident", record.Number, "anna", test.before); err != nil {
					t.Fatal(err)
				}
			}
			if test.prepare != nil {
				test.prepare(server)
			}
			before := server.Ticket("incident", record.Number)
			_, err := c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "w2", Fields: test.fields})
			failure := wantClass(t, err, connectors.ClassRejected)
			if failure.Field != test.field || failure.Code != test.code || failure.Status != 403 {
				t.Errorf("field %q code %q status %d, want %q %q 403: %v", failure.Field, failure.Code, failure.Status, test.field, test.code, err)
			}
			for _, words := range test.words {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q is not in: %v", words, err)
				}
			}
			if after := server.Ticket("incident", record.Number); after["sys_mod_count"] != before["sys_mod_count"] {
				t.Error("a refused write changed the ticket")
			}
		})
	}
}

func TestWrongTable(t *testing.T) {
	_, c := instance(t)
	none := connectors.Collection{Type: "servicenow", Connector: "itsm", Record: "not_a_real_class"}
	_, err := c.Create(t.Context(), connectors.Draft{Collection: none, Key: "k", Stamp: "w"})
	if failure := wantClass(t, err, connectors.ClassRejected); failure.Code != "invalid_table" || !strings.Contains(err.Error(), "Invalid table not_a_real_class") {
		t.Errorf("%v", err)
	}
	_, err = c.Read(t.Context(), none.Ref("0123"))
	wantClass(t, err, connectors.ClassRejected)
	_, err = c.Read(t.Context(), incidents.Ref("00000000000000000000000000000000"))
	wantClass(t, err, connectors.ClassGone)
	_, err = c.Create(t.Context(), connectors.Draft{Collection: connectors.Collection{Record: "Bad/Name"}, Key: "k"})
	wantClass(t, err, connectors.ClassRejected)
}

func TestDidNotStickIsForTheEngineToSee(t *testing.T) {
	server, c := instance(t)
	record := create(t, c, "k", nil)
	server.Protect("incident", "urgency")
	server.Rewrite(func(_ string, row servicenowtest.Row) { row["category"] = "network" })
	answer, err := c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "w2", Fields: map[string]any{"urgency": int64(1), "category": "software", "correlation_display": "mine"}})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Fields["urgency"] != int64(3) || answer.Fields["category"] != "network" || answer.Stamp != "w2" {
		t.Errorf("answer: urgency %v, category %v, stamp %s", answer.Fields["urgency"], answer.Fields["category"], answer.Stamp)
	}
}

func TestBodiesOfRecordsAreNotQuoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		const canary = "canary-7731"
		record := create(t, c, "k", map[string]any{"description": canary, "short_description": canary})
		for _, kind := range []simulator.FaultKind{simulator.CutBody, servicenowtest.CancelledMid, simulator.FailAfter} {
			server.Inject(simulator.Fault{Kind: kind})
			_, readErr := c.Read(t.Context(), record.Ref)
			_, writeErr := c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "w", Fields: map[string]any{"description": canary + canary}})
			for _, err := range []error{readErr, writeErr} {
				if err == nil || strings.Contains(err.Error(), canary) {
					t.Errorf("fault %d: %v", kind, err)
				}
			}
			server.ClearFaults()
		}
	})
}
