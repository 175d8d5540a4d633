package incidentio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// canned answers everything alike.
type canned struct {
	status int
	body   []byte
}

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c.body))}, nil
}

func TestRetryAfterIsHeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := incidentiotest.New(incidentiotest.Options{})
		c := connect(t, server.RoundTripper(), incidentiotest.DefaultKey)
		made := create(t, server)
		server.Inject(simulator.Fault{Kind: simulator.Throttle, RetryAfter: 20 * time.Second, Times: 1})
		failure := wantClass(t, c, incidents.Ref(made.ID), connectors.ClassThrottled)
		if got := time.Until(failure.Until); got != 20*time.Second || c.Throttled() != failure.Until {
			t.Errorf("paused for %s, until %v", got, c.Throttled())
		}
		if failure.Message == "" || failure.RequestID == "" || failure.Code != "too_many_requests" {
			t.Errorf("got %+v", failure)
		}
		wantClass(t, c, incidents.Ref(made.ID), connectors.ClassThrottled)
		if n := server.Count("", ""); n != 1 {
			t.Errorf("%d requests during the pause", n)
		}
		<-time.After(20 * time.Second) // of the bubble's clock
		if !c.Throttled().IsZero() {
			t.Error("still paused")
		}
		read(t, c, incidents.Ref(made.ID))
	})
}

func TestBucketRunsDry(t *testing.T) {
	at := newClock()
	server, c := start(t, incidentiotest.Options{Now: at.now, RateLimit: 2})
	for range 2 {
		if err := probe(context.Background(), c); err != nil {
			t.Fatal(err)
		}
	}
	err := probe(context.Background(), c)
	if class, _ := connectors.ClassOf(err); class != connectors.ClassThrottled {
		t.Errorf("got %v", err)
	}
	at.advance(time.Minute)
	if err := probe(context.Background(), connect(t, server.RoundTripper(), incidentiotest.DefaultKey)); err != nil {
		t.Errorf("after a minute: %v", err)
	}
}

func TestProbe(t *testing.T) {
	server, c := start(t, incidentiotest.Options{DashboardURL: "https://app.incident.io/acme"})
	got, err := c.Probe(context.Background())
	if err != nil || got.Account != "https://app.incident.io/acme" || got.User == "" {
		t.Errorf("the key is of %+v, %v", got, err)
	}
	err = probe(context.Background(), connect(t, held(t, server.RoundTripper()), "wrong-key"))
	var failure *connectors.Error
	if !errors.As(err, &failure) || failure.Class != connectors.ClassUnauthorised || failure.Code != "authentication_error" {
		t.Errorf("a wrong key: %v", err)
	}
	if got := server.Requests(); got[0].Path != "/v1/identity" || len(got) != 2 {
		t.Errorf("asked %v", got)
	}
}

// TestSecretsStayOut: neither the key nor the webhook secret is in an error,
// whatever the system says.
func TestSecretsStayOut(t *testing.T) {
	const key = "inc_key_4f3c2b1a"
	for _, body := range []string{
		`{"type":"x","status":422,"request_id":"` + key + `","errors":[{"code":"` + key + `","message":"your key ` + key + `","source":{"field":"` + key + `"}}]}`,
		`<html>` + key + ` ` + testSecret + `</html>`,
		`{"incident":{"id":"` + key + `"}}`,
	} {
		for _, status := range []int{200, 400, 401, 403, 404, 422, 500} {
			synctest.Test(t, func(t *testing.T) {
				c := connect(t, canned{status, []byte(body)}, key)
				_, err := c.Read(context.Background(), incidents.Ref("I1"))
				if err == nil {
					t.Errorf("%d %s was read", status, body)
				}
				if strings.Contains(err.Error(), key) || strings.Contains(err.Error(), testSecret) {
					t.Errorf("%d: %v", status, err)
				}
			})
		}
	}
}

func TestContentsStayOutOfErrors(t *testing.T) {
	for _, body := range []string{
		`{"incident":{"id":"I1","name":{"canary":1},"updated_at":"2026-01-02T03:04:05Z"}}`,
		`{"incident":{"id":"I1","created_at":"canary"}}`,
		`{"incident":"canary"}`,
		`{"incident":{"id":"canary","updated_at":"x","visibility":"public"}}`,
		`{"incident":{"id":"I1","visibility":"public","name":"canary"}}`,
		`{"incident":{"id":"I1","updated_at":"2026-01-02T03:04:05Z","name":"canary"}}`,
	} {
		failure := wantClass(t, connect(t, canned{200, []byte(body)}, "key"), incidents.Ref("I1"), connectors.ClassRejected)
		if strings.Contains(failure.Error(), "canary") {
			t.Errorf("%s: %v", body, failure)
		}
	}
}

func TestRefusalNamesTheField(t *testing.T) {
	for field, want := range map[string]string{
		"severity_id":                        "severity",
		"incident.severity_id":               "severity",
		"custom_field_entries":               "custom_fields",
		"/incident/custom_field_entries/0":   "custom_fields[0]",
		"incident_role_assignments[1].role":  "roles[1]",
		"incident_timestamp_values.2.value":  "timestamps[2]",
		"incident_status_id":                 "incident_status.name",
		"follow_up_priority_option_id":       "priority",
		"assignee_id":                        "assignee",
		"title":                              "title",
		"incident.incident_type_id":          "incident_type",
		"incident_timestamp_values[0].value": "timestamps[0]",
	} {
		body := `{"type":"validation_error","status":422,"request_id":"r-1","errors":[{"code":"c","message":"No","source":{"field":"` + field + `"}},{"message":"More"}]}`
		failure := wantClass(t, connect(t, canned{422, []byte(body)}, "key"), incidents.Ref("I1"), connectors.ClassRejected)
		if failure.Field != want || failure.RequestID != "r-1" || failure.Code != "validation_error" || failure.Message != "No ("+field+"); More" {
			t.Errorf("%s: %+v", field, failure)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	system := incidentio.System()
	for _, key := range []connectors.Secret{"", "a\nb"} {
		if _, err := system.New("acme", &incidentio.Settings{APIKey: key}, system.Defaults, connectors.Env{}); err == nil {
			t.Errorf("key %q is taken", key.Reveal())
		}
	}
}

// TestOverTheNetwork reads over a real connection, with a base path as a proxy
// has one.
func TestOverTheNetwork(t *testing.T) {
	account := incidentiotest.New(incidentiotest.Options{})
	made := create(t, account)
	mux := http.NewServeMux()
	mux.Handle("/incidentio/", http.StripPrefix("/incidentio", account))
	server := httptest.NewServer(mux)
	defer server.Close()
	system := incidentio.System()
	c, err := system.New("acme", &incidentio.Settings{APIKey: incidentiotest.DefaultKey, APIURL: server.URL + "/incidentio/"}, system.Defaults, connectors.Env{UserAgent: "lockstep/test"})
	if err != nil {
		t.Fatal(err)
	}
	if record := read(t, c, incidents.Ref(made.ID)); record.Number != "INC-1" {
		t.Errorf("got %+v", record)
	}
}

// FuzzAnswers: whatever an answer looks like, reading it ends without a panic.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"incident":{"id":"I1","updated_at":"2026-01-02T03:04:05Z","visibility":"public"}}`))
	f.Add([]byte(`{"follow_up":{"id":"I1","incident_id":"I1","updated_at":"2026-01-02T03:04:05Z"}}`))
	f.Add([]byte(`{"errors":[{"source":null}],"type":7}`))
	f.Add([]byte(`{"incident":null}`))
	f.Add([]byte(`{"incident_timeline_items":[{"id":"T1","title":"a","description":"b","creator":{"api_key":{"id":"K1"}},"created_at":"2026-01-02T03:04:05Z"}],"incident_updates":[]}`))
	f.Add([]byte(`{"incident_attachments":[{"resource":{"permalink":"https://x"}}],"incident_timeline_item":{"creator":{"api_key":null}}}`))
	f.Add([]byte(`{"identity":{"name":"k"},"incident_activity_log_entries":[{"incident_id":"I1","type":"role_update","occurred_at":"2026-01-02T03:04:05Z","content":{"role_update":{"role":{"name":"a"},"updater":{"api_key":{"name":"k"}},"new_assignee":{"id":"U1"}}}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		synctest.Test(t, func(t *testing.T) { // reads are repeated after a pause
			for _, status := range []int{200, 422} {
				c := connect(t, canned{status, body}, "key")
				for _, ref := range []connectors.Ref{incidents.Ref("I1"), followUps.Ref("I1")} {
					record, err := c.Read(context.Background(), ref)
					if err == nil && record.Ref != ref {
						t.Errorf("read %s, got %s", ref, record.Ref)
					}
					hung := connectors.Record{Ref: ref, Parent: incidents.Ref("I1")}
					// Whatever they say, they say it without a panic.
					_, _ = c.Comments(context.Background(), hung, time.Time{})
					_, _ = c.Comment(context.Background(), workNote(hung, "timeline"))
					_, _ = c.WebLinks(context.Background(), hung)
					_, _ = c.History(context.Background(), hung, time.Time{})
				}
			}
		})
	})
}
