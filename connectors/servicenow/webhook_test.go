package servicenow_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

const hook = `{"table":"incident","sys_id":"1c741bd70b2322007518478d83673af3","number":"INC0010001","sys_mod_count":"3","sys_updated_on":"2026-01-02 03:04:05"}`

func signedHeader(body string) http.Header {
	return http.Header{servicenow.SignatureHeader: {servicenowtest.Sign(webhookSecret, []byte(body))}}
}

func TestReceive(t *testing.T) {
	_, c := instance(t)
	got, err := c.Receive(signedHeader(hook), []byte(hook), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want := []connectors.Ref{incidents.Ref("1c741bd70b2322007518478d83673af3")}
	if diff := cmp.Diff(want, got.Refs); diff != "" || got.ID == "" {
		t.Errorf("id %q (-want +got):\n%s", got.ID, diff)
	}
	again, err := c.Receive(signedHeader(hook), []byte(hook), time.Now().Add(time.Hour))
	if err != nil || again.ID != got.ID {
		t.Errorf("the same body again: id %q, %v; want %q", again.ID, err, got.ID)
	}
	other := strings.Replace(hook, `"3"`, `"4"`, 1)
	if next, err := c.Receive(signedHeader(other), []byte(other), time.Now()); err != nil || next.ID == got.ID {
		t.Errorf("another body: id %q, %v", next.ID, err)
	}
	shouting := signedHeader(hook)
	shouting.Set(servicenow.SignatureHeader, "sha256="+strings.ToUpper(strings.TrimPrefix(shouting.Get(servicenow.SignatureHeader), "sha256=")))
	if _, err := c.Receive(shouting, []byte(hook), time.Now()); err != nil {
		t.Errorf("hex in capitals: %v", err)
	}
}

// The vector was made with openssl: it holds simulator and connector to the
// same algorithm as everybody else's.
func TestSignatureVector(t *testing.T) {
	_, c := instance(t)
	header := http.Header{"X-Lockstep-Signature": {"sha256=c3ffd8fec0ca4865c55e8738811b29bf9081fba2fd0fb50760e99535eef84a96"}}
	if _, err := c.Receive(header, []byte(hook), time.Now()); err != nil {
		t.Error(err)
	}
}

func TestReceiveRefuses(t *testing.T) {
	server, c := instance(t)
	good := servicenowtest.Sign(webhookSecret, []byte(hook))
	for name, value := range map[string]string{
		"none": "", "without its name": strings.TrimPrefix(good, "sha256="), "another name": strings.Replace(good, "sha256=", "sha1=", 1),
		"not hex": "sha256=xyz", "cut": good[:len(good)-2], "another secret": servicenowtest.Sign("other", []byte(hook)),
		"another body": servicenowtest.Sign(webhookSecret, []byte(hook+" ")), "empty": "sha256=",
	} {
		header := http.Header{}
		if value != "" {
			header.Set(servicenow.SignatureHeader, value)
		}
		if _, err := c.Receive(header, []byte(hook), time.Now()); !errors.Is(err, connectors.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	without, err := servicenow.System().New("itsm", basic(), connectors.Common{}, connectors.Env{RoundTripper: server.RoundTripper()})
	if err != nil {
		t.Fatal(err)
	}
	unsigned := http.Header{servicenow.SignatureHeader: {servicenowtest.Sign("", []byte(hook))}}
	if _, err := without.(connectors.WebhookReceiver).Receive(unsigned, []byte(hook), time.Now()); !errors.Is(err, connectors.ErrSignature) {
		t.Errorf("without a secret: %v", err)
	}
	for _, body := range []string{
		"", "{", "[]", "null", `"x"`, "{}", `{"table":"incident"}`, `{"sys_id":"0123"}`, `{"table":1,"sys_id":"0123"}`,
		`{"table":"Bad Table","sys_id":"0123"}`, `{"table":"incident","sys_id":"../x"}`, `{"table":"incident","sys_id":"a b"}`,
	} {
		_, err := c.Receive(signedHeader(body), []byte(body), time.Now())
		if err == nil || errors.Is(err, connectors.ErrSignature) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// inbox takes what the instance's business rule sends.
type inbox struct{ deliveries chan connectors.Delivery }

func TestWebhooksOfTheInstance(t *testing.T) {
	server, c := instance(t)
	box := inbox{make(chan connectors.Delivery, 10)}
	server.SetWebhook(servicenowtest.Webhook{URL: "https://lockstep.example/webhooks/itsm", Secret: webhookSecret, Client: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		delivery, err := c.Receive(r.Header, body, time.Now())
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
		box.deliveries <- delivery
		return &http.Response{StatusCode: http.StatusAccepted, Body: http.NoBody, Request: r}, nil
	})}})
	id := open(t, server, "a ticket")
	if err := server.AddComment("incident", id, "anna", "hello"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.png", "b.png"} {
		if _, err := server.Attach("incident", id, "anna", name, "image/png", []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	server.Close()
	close(box.deliveries)
	seen := map[string]bool{}
	for d := range box.deliveries {
		if len(d.Refs) != 1 || d.Refs[0] != incidents.Ref(id) {
			t.Errorf("refs %v", d.Refs)
		}
		seen[d.ID] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d different deliveries, want 4", len(seen))
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
