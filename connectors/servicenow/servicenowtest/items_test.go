package servicenowtest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// ask sends a GET as a user and returns status and body.
func ask(t *testing.T, s *servicenowtest.Server, user, path string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(user, map[string]string{"admin": "admin"}[user]+map[bool]string{true: servicenowtest.DefaultPassword}[user == servicenowtest.DefaultUsername])
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestScriptInAQueryNamesTheUser(t *testing.T) {
	s := servicenowtest.New(servicenowtest.Options{})
	for _, user := range []string{"admin", servicenowtest.DefaultUsername} {
		path := "/api/now/table/sys_user?sysparm_fields=user_name&sysparm_query=" + url.QueryEscape("user_name=javascript:gs.getUserName()")
		if status, body := ask(t, s, user, path); status != http.StatusOK || body != `{"result":[{"user_name":"`+user+`"}]}` {
			t.Errorf("%s got %d %s", user, status, body)
		}
	}
}

func TestJournalEntriesAreCutAtTheirLength(t *testing.T) {
	s := servicenowtest.New(servicenowtest.Options{})
	id, err := s.Open("incident", "anna", servicenowtest.Row{"short_description": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddWorkNote("incident", id, "anna", strings.Repeat("é", 4001)); err != nil {
		t.Fatal(err)
	}
	if got := s.Journal("incident", id); len(got) != 1 || got[0].Value != strings.Repeat("é", 4000) {
		t.Errorf("%d entries", len(got))
	}
}
