package incidentio_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

const (
	ticketURL = "https://acme.service-now.com/nav_to.do?uri=incident.do%3Fsys_id%3D1"
	issueURL  = "https://acme.atlassian.net/browse/ENG-1"
)

func ticketLink() connectors.WebLink {
	return connectors.WebLink{URL: ticketURL, Title: "INC0010023", System: "servicenow", Ticket: true}
}

func TestTakesLink(t *testing.T) {
	_, c := start(t, incidentiotest.Options{})
	for _, test := range []struct {
		record string
		link   connectors.WebLink
		want   bool
	}{
		{"incident", ticketLink(), true},
		{"incident", connectors.WebLink{}, true},
		{"follow_up", ticketLink(), true},
		{"follow_up", connectors.WebLink{URL: issueURL, System: "jira", Ticket: true}, true},
		{"follow_up", connectors.WebLink{URL: issueURL, System: "jira"}, false},
		{"follow_up", connectors.WebLink{URL: issueURL, System: "trello", Ticket: true}, false},
		{"ticket", ticketLink(), false},
	} {
		if got := c.TakesLink(test.record, test.link); got != test.want {
			t.Errorf("%s %+v: %v", test.record, test.link, got)
		}
	}
}

func webLinks(t *testing.T, c connectors.WebLinker, record connectors.Record) []string {
	t.Helper()
	all, err := c.WebLinks(t.Context(), record)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWebLinksOfIncidents(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	record, other := read(t, c, incidents.Ref(create(t, server).ID)), read(t, c, incidents.Ref(create(t, server).ID))
	if got := webLinks(t, c, record); len(got) != 0 {
		t.Errorf("at first: %q", got)
	}
	file := connectors.WebLink{URL: "https://acme.service-now.com/sys_attachment.do?sys_id=2", Title: " log\n.txt ", System: "servicenow"}
	untitled := connectors.WebLink{URL: "http://x.example/"}
	for _, test := range []struct {
		link connectors.WebLink
		want map[string]any
	}{
		{ticketLink(), map[string]any{"resource_type": "arbitrary_url", "url": ticketURL, "title": "INC0010023", "emoji": "ticket"}},
		{file, map[string]any{"resource_type": "arbitrary_url", "url": file.URL, "title": "log .txt", "emoji": "paperclip"}},
		{untitled, map[string]any{"resource_type": "arbitrary_url", "url": untitled.URL, "emoji": "paperclip"}},
	} {
		if err := c.AddWebLink(t.Context(), record, test.link); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]any{"incident_id": record.Ref.ID, "resource": test.want}, sentBody(t, server)); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
	}
	if got := webLinks(t, c, record); !slices.Equal(got, []string{ticketURL, file.URL, untitled.URL}) {
		t.Errorf("got %q", got)
	}
	if got := webLinks(t, c, other); len(got) != 0 {
		t.Errorf("another incident has %q", got)
	}
}

func TestWebLinksOfFollowUps(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	made := create(t, server)
	for _, link := range []connectors.WebLink{ticketLink(), {URL: issueURL, System: "jira", Ticket: true}} {
		follow, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "x"})
		if err != nil {
			t.Fatal(err)
		}
		record := read(t, c, followUps.Ref(follow.ID))
		if got := webLinks(t, c, record); len(got) != 0 {
			t.Errorf("at first: %q", got)
		}
		if err := c.AddWebLink(t.Context(), record, link); err != nil {
			t.Fatal(err)
		}
		if got := webLinks(t, c, record); !slices.Equal(got, []string{link.URL}) {
			t.Errorf("got %q", got)
		}
		err = c.AddWebLink(t.Context(), record, link)
		if class, _ := connectors.ClassOf(err); class != connectors.ClassRejected || !strings.Contains(err.Error(), "already connected") {
			t.Errorf("once more: %v", err)
		}
	}
}

// TestAddWebLinkFaults: the request is made once, and the list shows what came
// of it.
func TestAddWebLinkFaults(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault simulator.Fault
		want  connectors.Class
		made  int
	}{
		{"reset before", simulator.Fault{Kind: simulator.ResetBefore}, connectors.ClassUnclear, 0},
		{"reset after", simulator.Fault{Kind: simulator.ResetAfter}, connectors.ClassUnclear, 1},
		{"500 after", simulator.Fault{Kind: simulator.FailAfter}, connectors.ClassUnclear, 1},
		{"403", simulator.Fault{Kind: simulator.FailBefore, Status: 403}, connectors.ClassRejected, 0},
		{"outage", simulator.Fault{Kind: simulator.Refuse}, connectors.ClassRetry, 0},
	} {
		for _, follow := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				server := incidentiotest.New(incidentiotest.Options{})
				c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
				made := create(t, server)
				ref := incidents.Ref(made.ID)
				if follow {
					f, err := server.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "x"})
					if err != nil {
						t.Fatal(err)
					}
					ref = followUps.Ref(f.ID)
				}
				record := read(t, c, ref)
				test.fault.Method, test.fault.Times = http.MethodPost, 1
				server.Inject(test.fault)
				err := c.AddWebLink(t.Context(), record, ticketLink())
				if class, failed := connectors.ClassOf(err); !failed || class != test.want {
					t.Errorf("%s: got %v, want %s", test.name, err, test.want)
				}
				if n := server.Count(http.MethodPost, ""); n > 1 {
					t.Errorf("%s: sent %d times", test.name, n)
				}
				if got := webLinks(t, c, record); len(got) != test.made {
					t.Errorf("%s: shows %q", test.name, got)
				}
			})
		}
	}
}

func TestAddWebLinkRefusesWithoutSending(t *testing.T) {
	server, c := start(t, incidentiotest.Options{})
	for name, test := range map[string]struct {
		ref  connectors.Ref
		link connectors.WebLink
	}{
		"no address":           {incidents.Ref("I1"), connectors.WebLink{}},
		"no web address":       {incidents.Ref("I1"), connectors.WebLink{URL: "file:///etc/passwd"}},
		"a file":               {followUps.Ref("F1"), connectors.WebLink{URL: ticketURL, System: "servicenow"}},
		"an unknown tracker":   {followUps.Ref("F1"), connectors.WebLink{URL: ticketURL, System: "trello", Ticket: true}},
		"not a record of ours": {connectors.Ref{}, ticketLink()},
	} {
		err := c.AddWebLink(t.Context(), connectors.Record{Ref: test.ref}, test.link)
		if class, failed := connectors.ClassOf(err); !failed || class != connectors.ClassRejected {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := server.Count("", ""); n != 0 {
		t.Errorf("%d requests", n)
	}
}
