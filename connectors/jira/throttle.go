package jira

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// reasonHeader names the limit that a 429 speaks of. The quotas of a site, the
// third kind, hold up everything.
const (
	reasonHeader  = "RateLimit-Reason"
	reasonBurst   = "jira-burst-based"
	reasonOfIssue = "jira-per-issue-on-write"
)

func isLocal(reason string) bool { return reason == reasonBurst || reason == reasonOfIssue }

// pauses are until when endpoints and issues have to rest. They are bounded by
// what is written within one pause.
type pauses struct {
	mu  sync.Mutex
	all map[string]time.Time
}

func newPauses() *pauses { return &pauses{all: map[string]time.Time{}} }

// until is the latest end of the pauses of the scopes; the zero time: none.
func (p *pauses) until(scopes map[string]string, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	var latest time.Time
	for _, scope := range scopes {
		if end := p.all[scope]; scope != "" && now.Before(end) && end.After(latest) {
			latest = end
		}
	}
	return latest
}

func (p *pauses) set(scope string, end, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for old, until := range p.all {
		if !now.Before(until) {
			delete(p.all, old)
		}
	}
	if end.After(p.all[scope]) {
		p.all[scope] = end
	}
}

var numbers = regexp.MustCompile(`/(?:[0-9]+|[A-Z][A-Z0-9_]*-[0-9]+)(?:/|$)`)

// scopesOf are what a request counts against, by the reason of its 429: its
// endpoint and method, and the issue that it writes.
func scopesOf(r transport.Request, issue string) map[string]string {
	endpoint := r.Path
	for {
		next := numbers.ReplaceAllStringFunc(endpoint, func(s string) string { return "/*" + strings.Repeat("/", strings.Count(s[1:], "/")) })
		if next == endpoint {
			break
		}
		endpoint = next
	}
	scopes := map[string]string{reasonBurst: r.Method + " " + endpoint}
	if r.Method != http.MethodGet && issue != "" {
		scopes[reasonOfIssue] = "issue " + issue
	}
	return scopes
}
