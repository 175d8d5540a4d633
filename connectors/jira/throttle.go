package jira

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// reasonHeader names the limit that a 429 speaks of. The quotas of a site, the
// third kind, hold up everything.
const (
	reasonHeader  = "RateLimit-Reason"
	reasonBurst   = "jira-burst-based"
	reasonOfIssue = "jira-per-issue-on-write"
)

// limitOf is the limit of less than the site that an answer speaks of.
func limitOf(answer *transport.Answer) string {
	if reason := answer.Header.Get(reasonHeader); reason == reasonBurst || reason == reasonOfIssue {
		return reason
	}
	return ""
}

var numbers = regexp.MustCompile(`/(?:[0-9]+|[A-Z][A-Z0-9_]*-[0-9]+)(?:/|$)`)

// limitsOf are what a request counts against, by the reason of its 429: its
// endpoint and method, and the issue that it writes.
func limitsOf(r transport.Request, issue string) map[string]string {
	endpoint := r.Path
	for {
		next := numbers.ReplaceAllStringFunc(endpoint, func(s string) string { return "/*" + strings.Repeat("/", strings.Count(s[1:], "/")) })
		if next == endpoint {
			break
		}
		endpoint = next
	}
	limits := map[string]string{reasonBurst: r.Method + " " + endpoint}
	if r.Method != http.MethodGet && issue != "" {
		limits[reasonOfIssue] = "issue " + issue
	}
	return limits
}
