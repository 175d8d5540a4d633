package jiratest

import (
	"net/http"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func throttled(pause time.Duration) answer {
	a := limited("jira-quota-tenant-based", pause)
	a.Header.Set("X-Ratelimit-Limit", "100000")
	a.Header.Set("X-Ratelimit-Remaining", "0")
	return a
}

func limited(reason string, pause time.Duration) answer {
	a := refuse(http.StatusTooManyRequests, "Rate limit exceeded.")
	a.Header.Set("Retry-After", simulator.RetryAfter(pause))
	a.Header.Set("RateLimit-Reason", reason)
	return a
}

func failed(f simulator.Fault) answer {
	status := f.Status
	if status == 0 {
		status = http.StatusServiceUnavailable
	}
	a := refuse(status, http.StatusText(status))
	if status != http.StatusUnauthorized {
		a.Header.Set("X-Aaccountid", Bot)
	}
	return a
}

// hidden is the answer to an account that may not see an issue.
func hidden() answer {
	a := refuse(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")
	a.Header.Set("X-Aaccountid", Bot)
	return a
}

// spoilt is a page that a gateway puts in the place of an answer.
func spoilt(a answer) answer {
	a.Header.Set("Content-Type", "text/html")
	a.Body = []byte("<html><body>Atlassian is starting up</body></html>")
	return a
}

// An anonymousAnswer is what a call is answered whose token is not taken: as to nobody,
// which Jira calls success where anybody may ask.
type anonymousAnswer struct {
	method string // "": any
	path   string // within the API; one that ends with / begins it
	answer func(s *Server, rest string) answer
}

// anonymousAnswers are in their order; any other call is answered with 401.
func anonymousAnswers() []anonymousAnswer {
	shows := func(v any) func(*Server, string) answer {
		return func(*Server, string) answer { return say(http.StatusOK, v) }
	}
	refuses := func(status int, message string) func(*Server, string) answer {
		return func(_ *Server, rest string) answer {
			name, _, _ := strings.Cut(rest, "/")
			return refuse(status, strings.ReplaceAll(message, "NAME", name))
		}
	}
	return []anonymousAnswer{
		{"", "search/jql", shows(object{"issues": []any{}, "isLast": true})},
		{"", "comment/list", shows(object{"values": []any{}, "isLast": true, "startAt": 0, "maxResults": 1000, "total": 0})},
		{"", "field", func(s *Server, _ string) answer { return s.listFields() }},
		{"", "user/", shows([]any{})},
		{"", "issue/createmeta/", shows(object{"issueTypes": []any{}, "fields": []any{}, "startAt": 0, "maxResults": 50, "total": 0})},
		{"", "project/", refuses(http.StatusNotFound, "No project could be found with key 'NAME'.")},
		{http.MethodPost, "issue", refuses(http.StatusBadRequest, "Anonymous users do not have permission to create issues in this project. Please try logging in first.")},
		{"", "issue/", refuses(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")},
		{"", "attachment/content/", refuses(http.StatusNotFound, "The attachment with id 'NAME' does not exist")},
	}
}

// anonymous answers a call whose token is not taken.
func (s *Server) anonymous(c *call) answer {
	path, _ := resource(c)
	a := refuse(http.StatusUnauthorized, "Client must be authenticated to access this resource.")
	for _, known := range anonymousAnswers() {
		rest, begins := strings.CutPrefix(path, known.path)
		if begins && (rest == "" || strings.HasSuffix(known.path, "/")) && (known.method == "" || known.method == c.Method) {
			a = known.answer(s, rest)
			break
		}
	}
	a.Header.Set("X-Seraph-Loginreason", "AUTHENTICATED_FAILED")
	return a
}
