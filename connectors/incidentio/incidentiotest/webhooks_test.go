package incidentiotest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// An endpoint keeps what it is sent. It refuses what refuse says.
type endpoint struct {
	mu     sync.Mutex
	refuse int
	got    []string // event types
	ids    []string
	bodies []string
	header http.Header
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if e.refuse != 0 {
		e.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, event, _ := strings.Cut(string(body), `"event_type":"`)
	event, _, _ = strings.Cut(event, `"`)
	e.got = append(e.got, event)
	e.ids = append(e.ids, r.Header.Get("webhook-id")+r.Header.Get("svix-id"))
	e.bodies = append(e.bodies, string(body))
	e.header = r.Header
	w.WriteHeader(http.StatusAccepted)
}

func subscribe(s *incidentiotest.Server, w incidentiotest.Webhook) *endpoint {
	e := &endpoint{}
	w.URL, w.Secret, w.Client = "https://lockstep.example/webhooks/acme", secret, &http.Client{Transport: e}
	s.Subscribe(w)
	return e
}

func TestEvents(t *testing.T) {
	s := incidentiotest.New(incidentiotest.Options{ItemsBump: true})
	e := subscribe(s, incidentiotest.Webhook{})
	all := subscribe(s, incidentiotest.Webhook{Svix: true, Events: []string{"public_incident.follow_up_created_v1", "private_incident.incident_updated_v2"}})

	made := create(t, s, incidentiotest.SetName("canary"))
	edit := func(changes ...incidentiotest.Change) {
		t.Helper()
		if _, err := s.EditIncident(made.ID, changes...); err != nil {
			t.Fatal(err)
		}
	}
	edit(incidentiotest.SetStatus("Fixing"))
	f, err := s.AddFollowUp(made.ID, incidentiotest.FollowUp{Title: "canary"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.EditFollowUp(f.ID, func(f *incidentiotest.FollowUp) { f.Title = "again" }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PostUpdate(made.ID, "so it goes"); err != nil {
		t.Fatal(err)
	}
	s.Deliver(context.Background(), incidentiotest.Order{})
	want := []string{
		"public_incident.incident_created_v2", "public_incident.incident_updated_v2", "public_incident.incident_status_updated_v2",
		"public_incident.follow_up_created_v2", "public_incident.follow_up_updated_v2", "public_incident.incident_updated_v2",
	}
	if diff := cmp.Diff(want, e.got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"public_incident.follow_up_created_v1"}, all.got); diff != "" {
		t.Errorf("chosen events (-want +got):\n%s", diff)
	}
	if all.header.Get("svix-signature") == "" || e.header.Get("webhook-signature") == "" {
		t.Error("unsigned")
	}

	*e = endpoint{}
	edit(incidentiotest.SetVisibility("private"))
	edit(incidentiotest.SetStatus("Closed"))
	if err := s.EditFollowUp(f.ID, func(f *incidentiotest.FollowUp) { f.Title = "canary" }); err != nil {
		t.Fatal(err)
	}
	s.Deliver(context.Background(), incidentiotest.Order{})
	want = []string{
		`{"event_type":"private_incident.incident_updated_v2","private_incident.incident_updated_v2":{"id":"` + made.ID + `"}}`,
		`{"event_type":"private_incident.incident_updated_v2","private_incident.incident_updated_v2":{"id":"` + made.ID + `"}}`,
		`{"event_type":"private_incident.follow_up_updated_v2","private_incident.follow_up_updated_v2":{"id":"` + f.ID + `"}}`,
	}
	if diff := cmp.Diff(want, e.bodies); diff != "" {
		t.Errorf("private events (-want +got):\n%s", diff)
	}
}

func TestDeliver(t *testing.T) {
	s := incidentiotest.New(incidentiotest.Options{})
	e := subscribe(s, incidentiotest.Webhook{})
	create(t, s)
	create(t, s)
	e.refuse = 1
	attempts := s.Deliver(context.Background(), incidentiotest.Order{})
	if len(attempts) != 2 || attempts[0].Status != 503 || attempts[1].Status != 202 || len(s.Outbox()) != 1 {
		t.Errorf("attempts %+v, %d left", attempts, len(s.Outbox()))
	}
	again := s.Deliver(context.Background(), incidentiotest.Order{Twice: true})
	if len(again) != 2 || again[0].ID != attempts[0].ID || again[1].ID != attempts[0].ID || len(s.Outbox()) != 0 {
		t.Errorf("attempts %+v", again)
	}
	e.refuse = 2
	create(t, s)
	if tried := s.Deliver(context.Background(), incidentiotest.Order{Tries: 3}); len(tried) != 3 || tried[2].Status != 202 {
		t.Errorf("attempts %+v", tried)
	}
	create(t, s)
	create(t, s)
	waiting := s.Outbox()
	reversed := s.Deliver(context.Background(), incidentiotest.Order{Reversed: true})
	if len(reversed) != 2 || reversed[0].ID != waiting[1].ID {
		t.Errorf("attempts %+v", reversed)
	}
	create(t, s)
	if s.Deliver(context.Background(), incidentiotest.Order{Drop: true}) != nil || len(s.Outbox()) != 0 {
		t.Error("what was dropped is still there")
	}
}

func TestPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := incidentiotest.New(incidentiotest.Options{})
		e := subscribe(s, incidentiotest.Webhook{})
		ctx, stop := context.WithCancel(context.Background())
		var pushing sync.WaitGroup
		pushing.Go(func() { s.Push(ctx) })
		create(t, s)
		synctest.Wait()
		if len(e.got) != 1 {
			t.Errorf("%d delivered at once", len(e.got))
		}
		e.mu.Lock()
		e.refuse = 2
		e.mu.Unlock()
		began := time.Now()
		create(t, s)
		synctest.Wait()
		if len(e.got) != 1 || len(s.Outbox()) != 1 {
			t.Errorf("%d delivered, %d waiting", len(e.got), len(s.Outbox()))
		}
		for len(s.Outbox()) > 0 {
			<-time.After(time.Second)
			synctest.Wait()
		}
		if took := time.Since(began); len(e.got) != 2 || took < 5*time.Minute || took > 6*time.Minute {
			t.Errorf("%d delivered after %s", len(e.got), took)
		}
		stop()
		pushing.Wait()
	})
}

func TestHeadersNeedASecret(t *testing.T) {
	for _, secret := range []string{"", "whsec_", "whsec_!"} {
		if _, err := incidentiotest.Headers(secret, "id", time.Now(), nil, false); err == nil {
			t.Errorf("%q is taken", secret)
		}
	}
}
