package incidentio_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

func receiver(t testing.TB, secret string) connectors.WebhookReceiver {
	t.Helper()
	system := incidentio.System()
	common := system.Defaults
	common.WebhookSecret = connectors.Secret(secret)
	c, err := system.New("acme", &incidentio.Settings{APIKey: "key"}, common, connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return c.(connectors.WebhookReceiver)
}

func TestSignatureVectors(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name    string
			Secret  string
			Headers map[string]string
			Body    string
			Now     int64
			Valid   bool
		}
	}
	if err := json.Unmarshal(shared(t, "fixtures/webhooks/standard-webhooks.vectors.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 10 {
		t.Fatalf("%d vectors", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		h := http.Header{}
		for name, value := range v.Headers {
			h.Set(name, value)
		}
		_, err := receiver(t, v.Secret).Receive(h, []byte(v.Body), time.Unix(v.Now, 0))
		if valid := !errors.Is(err, connectors.ErrSignature); valid != v.Valid {
			t.Errorf("%s: valid %v, want %v (%v)", v.Name, valid, v.Valid, err)
		}
	}
}

func TestSignatures(t *testing.T) {
	const (
		id   = "msg_p5jXN8AQM9LWM0D4loKWxJek"
		good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
		body = `{"test": 2432232314}`
	)
	signed := time.Unix(1614265330, 0)
	for _, test := range []struct {
		name   string
		secret string
		header map[string]string
		body   string
		now    time.Time
		valid  bool
	}{
		{"the library's own", testSecret, map[string]string{"webhook-signature": good}, body, signed, true},
		{"no prefix", strings.TrimPrefix(testSecret, "whsec_"), map[string]string{"webhook-signature": good}, body, signed, true},
		{"spaces around the secret", " " + testSecret + "\n", map[string]string{"webhook-signature": good}, body, signed, true},
		{"two signatures", testSecret, map[string]string{"webhook-signature": "v1,AAAA " + good}, body, signed, true},
		{"five minutes late", testSecret, map[string]string{"webhook-signature": good}, body, signed.Add(5 * time.Minute), true},
		{"later", testSecret, map[string]string{"webhook-signature": good}, body, signed.Add(5*time.Minute + time.Second), false},
		{"five minutes early", testSecret, map[string]string{"webhook-signature": good}, body, signed.Add(-5 * time.Minute), true},
		{"earlier", testSecret, map[string]string{"webhook-signature": good}, body, signed.Add(-5*time.Minute - time.Second), false},
		{"another body", testSecret, map[string]string{"webhook-signature": good}, body + " ", signed, false},
		{"another secret", "whsec_AAAA", map[string]string{"webhook-signature": good}, body, signed, false},
		{"no secret", "", map[string]string{"webhook-signature": good}, body, signed, false},
		{"no signature", testSecret, nil, body, signed, false},
		{"empty signature", testSecret, map[string]string{"webhook-signature": "v1,"}, body, signed, false},
		{"another version", testSecret, map[string]string{"webhook-signature": "v2" + good[2:]}, body, signed, false},
		{"no version", testSecret, map[string]string{"webhook-signature": good[3:]}, body, signed, false},
		{"no time", testSecret, map[string]string{"webhook-signature": good, "webhook-timestamp": ""}, body, signed, false},
		{"an invalid time", testSecret, map[string]string{"webhook-signature": good, "webhook-timestamp": "soon"}, body, signed, false},
		{"a time far away", testSecret, map[string]string{"webhook-signature": good, "webhook-timestamp": "9223372036854775807"}, body, signed, false},
		{"no id", testSecret, map[string]string{"webhook-signature": good, "webhook-id": ""}, body, signed, false},
	} {
		h := http.Header{}
		h.Set("webhook-id", id)
		h.Set("webhook-timestamp", "1614265330")
		for name, value := range test.header {
			h.Set(name, value)
		}
		_, err := receiver(t, test.secret).Receive(h, []byte(test.body), test.now)
		if err == nil {
			t.Errorf("%s: a body without event_type was taken", test.name)
		}
		if valid := !errors.Is(err, connectors.ErrSignature); valid != test.valid {
			t.Errorf("%s: valid %v, want %v (%v)", test.name, valid, test.valid, err)
		}
		if err != nil && strings.Contains(err.Error(), "MfKQ9r8") {
			t.Errorf("%s: the secret is in the error: %v", test.name, err)
		}
	}
}

// deliver hands a signed body to the receiver.
func deliver(t testing.TB, body string, svix bool) (connectors.Delivery, error) {
	t.Helper()
	now := time.Now()
	h, err := incidentiotest.Headers(testSecret, "msg_1", now, []byte(body), svix)
	if err != nil {
		t.Fatal(err)
	}
	return receiver(t, testSecret).Receive(h, []byte(body), now)
}

func TestReceive(t *testing.T) {
	incident := func(id string) []connectors.Ref { return []connectors.Ref{incidents.Ref(id)} }
	followUp := func(id string) []connectors.Ref { return []connectors.Ref{followUps.Ref(id)} }
	for _, test := range []struct {
		event, payload string
		want           []connectors.Ref
	}{
		{"public_incident.incident_created_v2", `{"id":"I1","name":"x"}`, incident("I1")},
		{"public_incident.incident_updated_v2", `{"id":"I1"}`, incident("I1")},
		{"public_incident.incident_updated_v9", `{"id":"I1"}`, incident("I1")},
		{"public_incident.incident_status_updated_v2", `{"incident":{"id":"I1"},"new_status":{"id":"S"},"previous_status":{"id":"T"}}`, incident("I1")},
		{"public_incident.follow_up_created_v1", `{"id":"F1","incident_id":"I1"}`, followUp("F1")},
		{"public_incident.follow_up_updated_v2", `{"id":"F1","incident_id":"I1"}`, followUp("F1")},
		{"public_incident.action_created_v1", `{"id":"A1","incident_id":"I1"}`, incident("I1")},
		{"public_incident.postmortem_document_status_updated_v1", `{"new_status":"x","postmortem_document":{"id":"P1","incident_id":"I1"}}`, incident("I1")},
		{"private_incident.incident_created_v2", `{"id":"I1"}`, incident("I1")},
		{"private_incident.follow_up_updated_v1", `{"id":"F1"}`, followUp("F1")},
		{"private_incident.action_updated_v1", `{"id":"A1"}`, nil},
		{"private_incident.postmortem_document_status_updated_v1", `{"id":"P1"}`, nil},
		{"private_incident.membership_granted_v1", `{"actor_user_id":"U","incident_id":"I1","user_id":"V"}`, incident("I1")},
		{"public_incident.incident_update_shared_v1", `{"id":"U1","incident_id":"I1"}`, incident("I1")},
		{"private_incident.incident_update_shared_v1", `{"id":"U1"}`, nil},
		{"public_alert.alert_created_v1", `{"id":"X"}`, nil},
		{"something_else", `{"id":"X"}`, nil},
	} {
		body := `{"event_type":"` + test.event + `","` + test.event + `":` + test.payload + `}`
		for _, svix := range []bool{false, true} {
			delivery, err := deliver(t, body, svix)
			if err != nil {
				t.Errorf("%s: %v", test.event, err)
			}
			if diff := cmp.Diff(connectors.Delivery{ID: "msg_1", Refs: test.want}, delivery); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.event, diff)
			}
		}
	}
	for _, body := range []string{
		"", "null", "[]", "{}", `"x"`, `{"event_type":7}`, `{"event_type":""}`, "{", `{"event_type":"a"} x`,
		`{"event_type":"public_incident.incident_created_v2"}`,
		`{"event_type":"public_incident.incident_created_v2","public_incident.incident_created_v2":{}}`,
		`{"event_type":"public_incident.incident_created_v2","public_incident.incident_created_v2":{"id":7}}`,
		`{"event_type":"private_incident.membership_granted_v1","private_incident.membership_granted_v1":{"id":"x"}}`,
	} {
		if delivery, err := deliver(t, body, false); err == nil || errors.Is(err, connectors.ErrSignature) {
			t.Errorf("%s: %+v, %v; want an error that is not about the signature", body, delivery, err)
		}
	}
}

// TestVendorsWebhooks reads every body that the vendor gives as an example.
func TestVendorsWebhooks(t *testing.T) {
	var document struct {
		Webhooks map[string]struct {
			Get struct {
				Responses map[string]struct {
					Content map[string]struct{ Example json.RawMessage }
				}
			}
		} `json:"x-webhooks"`
	}
	if err := json.Unmarshal(shared(t, "specs/incidentio.sync.openapi.json"), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Webhooks) < 20 {
		t.Fatalf("%d webhooks", len(document.Webhooks))
	}
	for name, w := range document.Webhooks {
		event := path.Base(name)
		body := w.Get.Responses["200"].Content["application/json"].Example
		delivery, err := deliver(t, string(body), false)
		if err != nil {
			t.Errorf("%s: %v", event, err)
			continue
		}
		wantRefs := 1
		if strings.HasPrefix(event, "private_incident.action") || strings.HasPrefix(event, "private_incident.postmortem") {
			wantRefs = 0
		}
		if len(delivery.Refs) != wantRefs {
			t.Errorf("%s: %v", event, delivery.Refs)
		}
		for _, c := range []connectors.Collection{incidents, followUps} {
			record, err := incidentio.System().Decode(c, body)
			isRecord := strings.Contains(event, "."+c.Record+"_") || c == incidents && strings.HasPrefix(event, "private_incident.membership")
			if isRecord != (err == nil) {
				t.Errorf("%s as %s: %v", event, c, err)
			}
			if private := strings.HasPrefix(event, "private_"); err == nil && (record.Private != private || private && record.Fields != nil) {
				t.Errorf("%s as %s: private %v with %d fields", event, c, record.Private, len(record.Fields))
			}
		}
	}
}

func TestInvalidSecret(t *testing.T) {
	system := incidentio.System()
	common := system.Defaults
	common.WebhookSecret = "whsec_not base64!"
	_, err := system.New("acme", &incidentio.Settings{APIKey: "key"}, common, connectors.Env{})
	if err == nil || strings.Contains(err.Error(), "base64!") {
		t.Errorf("got %v", err)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(`{"event_type":"public_incident.incident_created_v2","public_incident.incident_created_v2":{"id":"I1"}}`)
	f.Add(`{"event_type":"private_incident.follow_up_created_v2","private_incident":{"follow_up_created_v2":{"id":"F1"}}}`)
	f.Add(`{"event_type":"x"}`)
	f.Add(`[1`)
	f.Fuzz(func(t *testing.T, body string) {
		delivery, err := deliver(t, body, false)
		if errors.Is(err, connectors.ErrSignature) {
			t.Fatal("a signature that holds was refused")
		}
		for _, ref := range delivery.Refs {
			if ref.ID == "" || ref.Connector != "acme" {
				t.Errorf("ref %+v", ref)
			}
		}
	})
}

func FuzzSignature(f *testing.F) {
	f.Add("msg", "1614265330", "v1,AAAA", []byte("{}"))
	f.Add("", "-1", "v1, v1,", []byte(nil))
	r := receiver(f, testSecret)
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		if _, err := r.Receive(h, body, time.Unix(1614265330, 0)); !errors.Is(err, connectors.ErrSignature) {
			t.Errorf("a signature that was made up holds: %v", err)
		}
	})
}
