package jira_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// TestFaults holds what each operation makes of each fault: its class, how
// often the request reached the site, and whether a write took effect.
func TestFaults(t *testing.T) {
	type outcome struct {
		class    connectors.Class
		requests int
	}
	const once, thrice = 1, 3
	unclear := func(n int) outcome { return outcome{connectors.ClassUnclear, n} }
	for _, test := range []struct {
		name        string
		fault       simulator.Fault
		read, write outcome
		done        bool // a write took effect
	}{
		{"outage", simulator.Fault{Kind: simulator.Refuse}, outcome{connectors.ClassRetry, 0}, outcome{connectors.ClassRetry, 0}, false},
		{"429", simulator.Fault{Kind: simulator.Throttle, RetryAfter: 7 * time.Second}, outcome{connectors.ClassThrottled, once}, outcome{connectors.ClassThrottled, once}, false},
		{"503", simulator.Fault{Kind: simulator.FailBefore}, unclear(thrice), unclear(once), false},
		{"500 after the commit", simulator.Fault{Kind: simulator.FailAfter, Status: 500}, unclear(thrice), unclear(once), true},
		{"cut body", simulator.Fault{Kind: simulator.CutBody}, unclear(thrice), unclear(once), true},
		{"a web page", simulator.Fault{Kind: simulator.SpoiltBody}, unclear(thrice), unclear(once), true},
		{"reset before", simulator.Fault{Kind: simulator.ResetBefore}, unclear(thrice), unclear(once), false},
		{"reset after", simulator.Fault{Kind: simulator.ResetAfter}, unclear(thrice), unclear(once), true},
		{"slow answer", simulator.Fault{Kind: simulator.SlowAnswer, Delay: 2 * time.Minute}, unclear(thrice), unclear(once), true},
		{"wrong token", simulator.Fault{Kind: simulator.FailBefore, Status: 401}, outcome{connectors.ClassUnauthorised, once}, outcome{connectors.ClassUnauthorised, once}, false},
		{"forbidden", simulator.Fault{Kind: simulator.FailBefore, Status: 403}, outcome{connectors.ClassForbidden, once}, outcome{connectors.ClassRejected, once}, false},
		{"bad request", simulator.Fault{Kind: simulator.FailBefore, Status: 400}, outcome{connectors.ClassRejected, once}, outcome{connectors.ClassRejected, once}, false},
	} {
		for op, call := range map[string]func(ctx context.Context, c *jira.Connector, ref connectors.Ref) error{
			"read": func(ctx context.Context, c *jira.Connector, ref connectors.Ref) error {
				_, err := c.Read(ctx, ref)
				return err
			},
			"find": func(ctx context.Context, c *jira.Connector, _ connectors.Ref) error {
				_, err := c.FindByKey(ctx, issues, "lockstep-first")
				return err
			},
			"poll": func(ctx context.Context, c *jira.Connector, _ connectors.Ref) error {
				_, _, err := c.Poll(ctx, issues, nil)
				return err
			},
			"comments": func(ctx context.Context, c *jira.Connector, ref connectors.Ref) error {
				_, err := c.Comments(ctx, connectors.Record{Ref: ref}, time.Time{})
				return err
			},
			"history": func(ctx context.Context, c *jira.Connector, ref connectors.Ref) error {
				_, err := c.History(ctx, connectors.Record{Ref: ref}, time.Time{})
				return err
			},
			"create": func(ctx context.Context, c *jira.Connector, _ connectors.Ref) error {
				_, err := c.Create(ctx, draft("lockstep-second", nil))
				return err
			},
			"update": func(ctx context.Context, c *jira.Connector, ref connectors.Ref) error {
				_, err := c.Update(ctx, connectors.Change{Ref: ref, Stamp: "ls-2", Fields: map[string]any{"summary": "after"}})
				return err
			},
			"comment": func(ctx context.Context, c *jira.Connector, ref connectors.Ref) error {
				_, err := c.Comment(ctx, connectors.NewComment{Record: connectors.Record{Ref: ref}, Kind: "comment", Marker: "m", Text: "after"})
				return err
			},
		} {
			isWrite := op == "create" || op == "update" || op == "comment"
			t.Run(test.name+"/"+op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server, c := site(t)
					first := create(t, c, "lockstep-first", nil)
					_, _ = c.Comments(t.Context(), first, time.Time{}) // learns its account
					server.ResetRequests()
					server.Inject(test.fault)
					want := test.read
					if isWrite {
						want = test.write
					}
					err := call(t.Context(), c, first.Ref)
					failure := wantClass(t, err, want.class)
					if op == "update" && test.fault.Kind == simulator.SpoiltBody {
						want.requests += thrice // an answer without the issue has it read
					}
					if got := len(server.Requests()); got != want.requests {
						t.Errorf("%d requests reached the site, want %d", got, want.requests)
					}
					if want.class == connectors.ClassThrottled && (!failure.Until.Equal(time.Now().Add(7*time.Second)) || !c.Throttled().Equal(failure.Until)) {
						t.Errorf("until %v, throttled %v", failure.Until, c.Throttled())
					}
					server.ClearFaults()
					done := len(server.Issues()) == 2 || server.HasText(first.Number, "after")
					if isWrite && done != test.done {
						t.Errorf("took effect: %t, want %t", done, test.done)
					}
				})
			})
		}
	}
}

// TestCreatedButNotReadBack: the issue is there, and found by its key.
func TestCreatedButNotReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := site(t)
		server.Inject(simulator.Fault{Kind: simulator.FailBefore, Method: "GET", Status: 404, Times: 1})
		_, err := c.Create(t.Context(), draft(key, nil))
		wantClass(t, err, connectors.ClassUnclear)
		if found := must(c.FindByKey(t.Context(), issues, key))(t); len(found) != 1 || found[0].Stamp != "ls-1" {
			t.Errorf("found %v", found)
		}
	})
}

func TestCommitLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := site(t)
		server.Inject(simulator.Fault{Kind: simulator.CommitLate, Method: "POST", Delay: 30 * time.Second, Times: 1})
		_, err := c.Create(t.Context(), draft(key, nil))
		wantClass(t, err, connectors.ClassUnclear)
		if n := len(server.Issues()); n != 0 {
			t.Fatalf("%d issues at once", n)
		}
		time.Sleep(31 * time.Second)
		if found := must(c.FindByKey(t.Context(), issues, key))(t); len(found) != 1 {
			t.Errorf("found %d, want the late one", len(found))
		}
	})
}

func TestQuotaHoldsUpEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := site(t)
		server.Inject(simulator.Fault{Kind: simulator.Throttle, RetryAfter: time.Minute, Times: 1})
		_, err := c.Read(t.Context(), issues.Ref("1"))
		wantClass(t, err, connectors.ClassThrottled)
		_, err = c.Create(t.Context(), draft(key, nil))
		wantClass(t, err, connectors.ClassThrottled)
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		time.Sleep(time.Minute)
		create(t, c, key, nil)
	})
}

// TestOneIssueHasToRest: the limit of writes to one issue holds up writes to
// that issue, not reads of it and not other issues.
func TestOneIssueHasToRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := site(t)
		busy, other := create(t, c, key, nil), create(t, c, "lockstep-2", nil)
		write := func(r connectors.Record, n int) error {
			_, err := c.Update(t.Context(), connectors.Change{Ref: r.Ref, Stamp: "ls-2", Fields: map[string]any{"summary": fmt.Sprint(n)}})
			return err
		}
		for n := range 20 {
			if err := write(busy, n); err != nil {
				t.Fatal(err)
			}
		}
		failure := wantClass(t, write(busy, 20), connectors.ClassThrottled)
		if failure.Code != "jira-per-issue-on-write" || !failure.Until.Equal(time.Now().Add(time.Second)) || !c.Throttled().IsZero() {
			t.Errorf("%v until %v, all until %v", failure, failure.Until, c.Throttled())
		}
		n := len(server.Requests())
		wantClass(t, write(busy, 21), connectors.ClassThrottled)
		_, err := c.Comment(t.Context(), connectors.NewComment{Record: busy, Kind: "comment", Text: "x"})
		wantClass(t, err, connectors.ClassThrottled)
		if got := len(server.Requests()); got != n {
			t.Errorf("%d requests to an issue that has to rest", got-n)
		}
		must(c.Read(t.Context(), busy.Ref))(t)
		if err := write(other, 1); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if err := write(busy, 22); err != nil {
			t.Error(err)
		}
	})
}

// TestOneEndpointHasToRest: the burst limit holds up one endpoint and method.
func TestOneEndpointHasToRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Burst = 10
		server := jiratest.New(o)
		c := connect(t, server.RoundTripper(), nil)
		record := create(t, c, key, nil)
		for n := range 9 {
			if _, err := c.Read(t.Context(), record.Ref); err != nil {
				t.Fatalf("read %d: %v", n, err)
			}
		}
		_, err := c.Read(t.Context(), record.Ref)
		failure := wantClass(t, err, connectors.ClassThrottled)
		if failure.Code != "jira-burst-based" || !c.Throttled().IsZero() {
			t.Errorf("%v, all until %v", failure, c.Throttled())
		}
		n := len(server.Requests())
		_, err = c.Read(t.Context(), issues.Ref("ENG-1"))
		wantClass(t, err, connectors.ClassThrottled)
		if got := len(server.Requests()); got != n {
			t.Errorf("%d requests to an endpoint that has to rest", got-n)
		}
		must(c.Comments(t.Context(), record, time.Time{}))(t)
		update(t, c, record.Ref, "ls-2", map[string]any{"summary": "Else"})
		time.Sleep(time.Second)
		must(c.Read(t.Context(), record.Ref))(t)
	})
}

func TestBodiesOfRecordsAreNotQuoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := site(t)
		const canary = "canary-7731"
		record := create(t, c, key, map[string]any{"description": canary, "summary": canary})
		for _, kind := range []simulator.FaultKind{simulator.CutBody, simulator.SpoiltBody, simulator.FailAfter} {
			server.Inject(simulator.Fault{Kind: kind})
			_, readErr := c.Read(t.Context(), record.Ref)
			_, writeErr := c.Update(t.Context(), connectors.Change{Ref: record.Ref, Stamp: "w", Fields: map[string]any{"summary": canary + canary}})
			for _, err := range []error{readErr, writeErr} {
				if err == nil || strings.Contains(err.Error(), canary) {
					t.Errorf("fault %d: %v", kind, err)
				}
			}
			server.ClearFaults()
		}
	})
}

func TestProbe(t *testing.T) {
	server, c := site(t)
	if err := probe(t.Context(), c); err != nil {
		t.Error(err)
	}
	wrong := settings()
	wrong.APIToken = "api-token-0451-wrong"
	other, err := jira.System().New("eng", wrong, connectors.Common{}, connectors.Env{RoundTripper: server.RoundTripper()})
	if err != nil {
		t.Fatal(err)
	}
	wantClass(t, probe(t.Context(), other), connectors.ClassUnauthorised)
}

func TestNewRefuses(t *testing.T) {
	for want, s := range map[string]jira.Settings{
		"url is empty":                {Email: "a@b.example", APIToken: "t"},
		"email or api_token is empty": {URL: "https://acme.atlassian.net", Email: "a@b.example"},
		"url not an address":          {URL: "acme", Email: "a@b.example", APIToken: "t"},
	} {
		if _, err := jira.System().New("eng", &s, connectors.Common{}, connectors.Env{}); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
