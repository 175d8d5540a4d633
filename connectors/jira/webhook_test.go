package jira_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
)

func delivery(body, identifier, signature string) http.Header {
	h := http.Header{}
	h.Set("X-Atlassian-Webhook-Identifier", identifier)
	if signature == "" {
		signature = jiratest.Sign(secrets[1], []byte(body))
	}
	h.Set("X-Hub-Signature", signature)
	return h
}

func TestReceive(t *testing.T) {
	_, c := site(t)
	ref := func(id string) []connectors.Ref { return []connectors.Ref{issues.Ref(id)} }
	for _, test := range []struct {
		name, body string
		refs       []connectors.Ref
	}{
		{"issue", `{"webhookEvent":"jira:issue_updated","issue":{"id":"10101","key":"ENG-1"}}`, ref("10101")},
		{"deleted", `{"webhookEvent":"jira:issue_deleted","issue":{"id":10101}}`, ref("10101")},
		{"comment", `{"webhookEvent":"comment_created","comment":{"id":"1"},"issue":{"id":"10101"}}`, ref("10101")},
		{"comment without its issue", `{"webhookEvent":"comment_deleted","comment":{"self":"https://x/rest/api/2/issue/10040/comment/10019"}}`, ref("10040")},
		{"attachment", `{"webhookEvent":"attachment_created","attachment":{"id":"1"}}`, nil},
		{"something else", `{"webhookEvent":"user_created"}`, nil},
	} {
		got, err := c.Receive(delivery(test.body, "id-1", ""), []byte(test.body), time.Now())
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(connectors.Delivery{ID: "id-1", Refs: test.refs}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestReceiveRefuses(t *testing.T) {
	_, c := site(t)
	body := `{"webhookEvent":"jira:issue_updated","issue":{"id":"10101"}}`
	right := jiratest.Sign(secrets[1], []byte(body))
	for name, signature := range map[string]string{
		"none": " ", "of another secret": jiratest.Sign("other", []byte(body)), "of another body": jiratest.Sign(secrets[1], []byte(body+" ")),
		"without its prefix": strings.TrimPrefix(right, "sha256="), "of another kind": strings.Replace(right, "sha256", "sha1", 1), "cut": right[:len(right)-2],
	} {
		if _, err := c.Receive(delivery(body, "id", signature), []byte(body), time.Now()); !errors.Is(err, connectors.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "[]", `{"issue":{"id":"../x"}}`, `{"issue":{"id":{}}}`} {
		if _, err := c.Receive(delivery(bad, "id", ""), []byte(bad), time.Now()); err == nil || errors.Is(err, connectors.ErrSignature) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	without := connect(t, jiratest.New(options()).RoundTripper(), func(common *connectors.Common) { common.WebhookSecret = "" })
	if _, err := without.Receive(delivery(body, "id", jiratest.Sign("", []byte(body))), []byte(body), time.Now()); !errors.Is(err, connectors.ErrSignature) {
		t.Errorf("without a secret: %v", err)
	}
}

// TestReceiveVendors reads what real sites sent.
func TestReceiveVendors(t *testing.T) {
	_, c := site(t)
	for file, id := range map[string]string{
		"cloud-comment-created.json": "10040", "cloud-issue-created-many-fields.json": "10509", "issue-updated-resolved.json": "", "issue-deleted.json": "",
	} {
		body := shared(t, "fixtures/jira/webhooks/"+file)
		got, err := c.Receive(delivery(string(body), "x", ""), body, time.Now())
		if err != nil || len(got.Refs) != 1 || id != "" && got.Refs[0].ID != id {
			t.Errorf("%s: %v %v", file, got, err)
		}
	}
}

// TestWebhooksOfTheSite: what the simulator sends is taken, and sent again it
// has the same id.
func TestWebhooksOfTheSite(t *testing.T) {
	server, c := site(t)
	got := make(chan connectors.Delivery, 8)
	listener := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		if _, err := r.Body.Read(body); err != nil && err.Error() != "EOF" {
			t.Error(err)
		}
		d, err := c.Receive(r.Header, body, time.Now())
		if err != nil {
			t.Error(err)
		}
		got <- d
	}))
	defer listener.Close()
	defer server.Close()
	server.SetWebhook(jiratest.Webhook{URL: listener.URL, Secret: secrets[1]})
	next := func() connectors.Delivery {
		t.Helper()
		select {
		case d := <-got:
			return d
		case <-time.After(10 * time.Second):
			t.Fatal("no webhook came")
			panic("unreachable")
		}
	}
	number := must(server.Open("ENG", "acc-ann", nil))(t)
	opened := next()
	server.Say(number, "acc-ann", "hello", false)
	said := next()
	server.Redeliver()
	again := next()
	if opened.ID == said.ID || again.ID != said.ID || !cmp.Equal(opened.Refs, said.Refs) || len(said.Refs) != 1 {
		t.Errorf("opened %v, said %v, again %v", opened, said, again)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(`{"webhookEvent":"jira:issue_updated","issue":{"id":"10101"}}`)
	f.Add(`{"comment":{"self":"/issue/1/comment/2"}}`)
	c := connect(f, jiratest.New(options()).RoundTripper(), nil)
	f.Fuzz(func(t *testing.T, body string) {
		d, err := c.Receive(delivery(body, "id", ""), []byte(body), time.Now())
		if err == nil && d.ID != "id" {
			t.Error("a delivery without its id")
		}
		for _, ref := range d.Refs {
			if ref.Record != "issue" || strings.Trim(ref.ID, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-") != "" || ref.Type != jira.Type {
				t.Errorf("%v", ref)
			}
		}
	})
}
