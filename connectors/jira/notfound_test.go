package jira_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/conformance"
)

const ownNotFound = `{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}`

// signed has every answer name the account.
type signed struct{ to http.RoundTripper }

func (s signed) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.to.RoundTrip(r)
	if err == nil {
		response.Header.Set("X-AAccountId", "acc-bot")
	}
	return response, err
}

func TestNotFound(t *testing.T) {
	conformance.NotFound(t, ownNotFound, func(t *testing.T, to http.RoundTripper) error {
		_, err := connect(t, signed{to}, nil).Read(t.Context(), issues.Ref("10001"))
		return err
	})
}

// TestToWhom: an answer that does not name the account is given to nobody,
// whatever it says.
func TestToWhom(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		class  connectors.Class
	}{
		"gone":            {404, ownNotFound, connectors.ClassUnauthorised},
		"an empty list":   {200, `{"issues":[],"isLast":true}`, connectors.ClassUnauthorised},
		"other JSON":      {200, `{"message":"no Route matched with those values"}`, connectors.ClassUnauthorised},
		"refused":         {400, `{"errorMessages":["no"],"errors":{}}`, connectors.ClassUnauthorised},
		"a web page":      {200, "<html>", connectors.ClassUnauthorised},
		"a proxy's 404":   {404, "404 page not found", connectors.ClassUnclear},
		"a gateway's":     {502, "Bad Gateway", connectors.ClassUnclear},
		"a network's 403": {403, `{"errorMessage":"The IP address has been rejected because it is not on the allow list."}`, connectors.ClassRetry},
		"not so often":    {429, "", connectors.ClassThrottled},
		"not authorised":  {401, "", connectors.ClassUnauthorised},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := connect(t, always{test.status, test.body}, nil)
				_, err := c.Read(t.Context(), issues.Ref("10001"))
				wantClass(t, err, test.class)
				if test.status == http.StatusForbidden && !strings.Contains(shown(err), "The IP address has been rejected") {
					t.Errorf("it does not say why: %v", err)
				}
				_, err = c.FindByKey(t.Context(), issues, key)
				wantClass(t, err, test.class)
			})
		})
	}
}

// always answers everything alike.
type always struct {
	status int
	body   string
}

func (a always) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

// shown is what is shown of an error where it may be about a record: lockstep's own
// words.
func shown(err error) string {
	if failure, ok := errors.AsType[*connectors.Error](err); ok && failure.Own {
		return failure.Message
	}
	return ""
}
