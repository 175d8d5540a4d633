package incidentiotest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A call is one request on its way.
type call struct {
	*simulator.Call
	query url.Values
	key   *apiKey
	id    string // what stands for {id} in the route
}

type answer = simulator.Answer

func reply(status int, body any) answer {
	a := answer{Status: status, Header: http.Header{}}
	if status == http.StatusNoContent {
		return a
	}
	a.Header.Set("Content-Type", "application/json")
	// Nothing of the resources can fail to marshal.
	a.Body, _ = json.Marshal(body)
	return a
}

// A problem is a refusal.
type problem struct {
	status  int
	kind    string
	code    string
	field   string
	message string
}

func (s *Server) refuse(p problem) answer {
	entry := map[string]any{"code": p.code, "message": p.message}
	if p.field != "" {
		entry["source"] = map[string]any{"field": p.field}
	}
	return reply(p.status, map[string]any{
		"type": p.kind, "status": p.status, "request_id": s.requestID(), "errors": []any{entry},
	})
}

func (s *Server) requestID() string {
	s.counter++
	return fmt.Sprintf("00000000-0000-4000-8000-%012x", s.counter)
}

// invalid is the refusal of a value.
func invalid(field, code, format string, args ...any) *problem {
	return &problem{
		status: http.StatusUnprocessableEntity, kind: "validation_error",
		code: code, field: field, message: fmt.Sprintf(format, args...),
	}
}

func notFound() *problem {
	return &problem{status: http.StatusNotFound, kind: "not_found", code: "not_found", message: "The resource was not found"}
}

// throttle is the refusal of a key that came too soon.
func (s *Server) throttle(name string, pause time.Duration, limits http.Header) answer {
	a := reply(http.StatusTooManyRequests, map[string]any{
		"type": "too_many_requests", "status": http.StatusTooManyRequests, "request_id": s.requestID(),
		"rate_limit": map[string]any{
			"name": name, "limit": s.opts.RateLimit, "remaining": 0,
			"retry_after": s.opts.Now().Add(pause).UTC().Format(time.RFC3339),
		},
		"errors": []any{map[string]any{
			"code":    "too_many_requests",
			"message": "Too many requests hit the API too quickly. We recommend an exponential backoff of your requests.",
		}},
	})
	maps.Copy(a.Header, limits)
	a.Header.Set("Retry-After", simulator.RetryAfter(pause))
	return a
}

// A route is one operation. scope is what a key needs for it; "": nothing.
type route struct {
	method  string
	path    string
	scope   string
	respond func(c *call) (answer, *problem)
}

// Revoke takes a scope from every key, or gives it back.
func (s *Server) Revoke(scope string, revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revoked == nil {
		s.revoked = map[string]bool{}
	}
	s.revoked[scope] = revoked
}

// match reports whether the path is the route's, and what stands for {id}.
func (r route) match(path string) (string, bool) {
	pattern, given := strings.Split(r.path, "/"), strings.Split(path, "/")
	if len(pattern) != len(given) {
		return "", false
	}
	id := ""
	for i, part := range pattern {
		switch {
		case part == "{id}" && given[i] != "":
			id = given[i]
		case part != given[i]:
			return "", false
		}
	}
	return id, true
}

func (s *Server) dispatch(c *call) answer {
	known := false
	for _, r := range s.routes {
		id, ok := r.match(c.URL.Path)
		if !ok {
			continue
		}
		if known = true; r.method != c.Method {
			continue
		}
		if r.scope != "" && (s.revoked[r.scope] || c.key.Scopes != nil && !slices.Contains(c.key.Scopes, r.scope)) {
			return s.refuse(problem{
				status: http.StatusForbidden, kind: "authorization_error", code: "not_authorised",
				message: "The API key does not have the scope " + r.scope,
			})
		}
		c.id = id
		a, p := r.respond(c)
		if p != nil {
			return s.refuse(*p)
		}
		return a
	}
	if known {
		return s.refuse(problem{
			status: http.StatusMethodNotAllowed, kind: "invalid_request_error", code: "method_not_allowed",
			message: c.Method + " is not allowed here",
		})
	}
	return s.refuse(*notFound())
}

// decodeBody reads a request's body.
func decodeBody(c *call, into any) *problem {
	if err := json.Unmarshal(c.Body, into); err != nil {
		return &problem{
			status: http.StatusBadRequest, kind: "invalid_request_error", code: "decode_payload",
			message: "The body is not the JSON that is expected",
		}
	}
	return nil
}

// page cuts one page out of a list and says where the next begins.
func page[T any](c *call, all []T, id func(T) string, largest int) ([]T, map[string]any, *problem) {
	size := 25
	if text := c.query.Get("page_size"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > largest {
			return nil, nil, invalid("page_size", "invalid_value", "page_size must be between 1 and %d", largest)
		}
		size = n
	}
	if after := c.query.Get("after"); after != "" {
		at := slices.IndexFunc(all, func(t T) bool { return id(t) == after })
		if at < 0 {
			return nil, nil, invalid("after", "invalid_value", "after is not the ID of a record in this list")
		}
		all = all[at+1:]
	}
	meta := map[string]any{"page_size": size}
	if len(all) > size {
		all = all[:size]
		meta["after"] = id(all[size-1])
	}
	if all == nil {
		all = []T{}
	}
	return all, meta, nil
}
