package servicenow_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// An answer is what every request on a path gets.
type answer struct {
	path, contentType, body string
	status                  int
	to                      http.RoundTripper // for the other paths
}

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, a.path) {
		return a.to.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {a.contentType}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

// TestAnswersThatAreNotWhole: they are unclear, and said as what they are
// without a word of the record in them.
func TestAnswersThatAreNotWhole(t *testing.T) {
	for name, test := range map[string]struct {
		contentType, body string
		says, saysNot     string
	}{
		"cancelled": {
			"application/json", `{"result":[{"short_description":"canary"},{"error":{"message":"Transaction cancelled: maximum execution time exceeded"}`,
			"cut its answer off", "web page",
		},
		"a log-in page": {"text/html;charset=UTF-8", "<html>canary</html>", "web page", "cut its answer off"},
		"cut":           {"application/json", `{"result":{"short_description":"canary"`, "", "cut its answer off"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := servicenowtest.New(options())
				ticket := create(t, connect(t, server.RoundTripper(), basic()), "first", nil)
				c := connect(t, answer{path: "/api/now/table/incident", contentType: test.contentType, body: test.body, status: 200}, basic())
				_, err := c.Read(t.Context(), ticket.Ref)
				text := wantClass(t, err, connectors.ClassUnclear).Error()
				if !strings.Contains(text, test.says) || strings.Contains(text, test.saysNot) || strings.Contains(text, "canary") {
					t.Errorf("it says %q", text)
				}
			})
		})
	}
}

// TestTheSettingThatATokenIsRefusedFor is the user's password where there is
// one, unless the application itself is not known.
func TestTheSettingThatATokenIsRefusedFor(t *testing.T) {
	for name, test := range map[string]struct {
		settings *servicenow.Settings
		body     string
		want     string
	}{
		"the user":                        {passwordGrant(), `{"error":"server_error","error_description":"access_denied"}`, "password"},
		"the application of a user":       {passwordGrant(), `{"error":"invalid_client","error_description":"access_denied"}`, "oauth.client_secret"},
		"the application, without a user": {oauth(), `{"error":"server_error","error_description":"access_denied"}`, "oauth.client_secret"},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, answer{path: "/oauth_token.do", contentType: "application/json", body: test.body, status: 401}, test.settings)
			failure := wantClass(t, probe(t.Context(), c), connectors.ClassUnauthorised)
			if failure.Setting != test.want {
				t.Errorf("the setting at fault is %q, want %q: %v", failure.Setting, test.want, failure)
			}
		})
	}
}
