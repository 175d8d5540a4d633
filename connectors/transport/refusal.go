package transport

import (
	"net/http"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// refusal is the failure that an answer other than 2xx means.
func (c *Client) refusal(answer *Answer, r Request, write bool, fail failFunc) *connectors.Error {
	e := fail(classOf(answer.Status, write), "", nil)
	e.Status = answer.Status
	e.RequestID = requestID(answer.Header)
	if answer.Status/100 == 3 {
		e.Message, e.Own = "redirected; the address may be wrong, or the system hibernating or behind a log-in page", true
	}
	c.quote(answer, e)
	// What is in front of the system, or another site altogether, knows nothing
	// of its records: believed, it would part a link from a ticket that is there.
	// That the connector finds the credentials at fault says more.
	if foreign(answer, r, e) {
		e.Class, e.Code, e.Setting = connectors.ClassUnclear, "", c.opts.Address
		if answer.Status == http.StatusForbidden { // what stands in front lets nothing through
			e.Class = connectors.ClassRetry
		}
		switch {
		case webPage(answer):
			e.Message = notJSON
		case e.Own && e.Message != "": // in words that say nothing of a record
			e.Message = "what is in front of the system refuses it: " + excerpt(e.Message)
		default:
			e.Message = "an answer that is not the system's own came where JSON was expected; is the address of the connector right?"
		}
		e.Own = true
	}
	if e.Message == "" && answer.Status >= http.StatusInternalServerError && webPage(answer) {
		e.Message, e.Own = "a web page in place of an answer: what is in front of the system, a gateway or a proxy, did not get one from it", true
	}
	if e.Message == "" {
		// Cleaned before it is cut, or half a secret would stay.
		e.Message = excerpt(c.redact(string(answer.Body[:min(len(answer.Body), maxExcerpted)])))
	}
	c.clean(e)
	c.honourRetryAfter(answer, r, e)
	return e
}

// foreign reports whether a refusal of a record is not the system's own word: it
// is in another form than the system's. Content may be held elsewhere, by who
// refuses in its own way; a web page is no such way.
func foreign(answer *Answer, r Request, e *connectors.Error) bool {
	switch {
	case answer.Status != http.StatusNotFound && answer.Status != http.StatusForbidden, e.Class == connectors.ClassUnauthorised:
		return false
	case webPage(answer):
		return true
	}
	return e.Code == "" && !r.open
}

const notJSON = "a web page came where JSON was expected; the address may be wrong, or the system hibernating or behind a log-in page"

// unread is the failure that a 2xx means whose body is not the JSON that was
// expected. It holds parts of records: nothing of it is quoted.
func (c *Client) unread(answer *Answer, write bool, err error, fail failFunc) *connectors.Error {
	e := fail(connectors.ClassUnclear, "the answer is not the JSON that was expected", err)
	switch {
	case tooDeep(err) && !write: // it will be no shallower the next time
		e.Class, e.Code, e.Err = connectors.ClassRejected, connectors.CodeTooCostly, connectors.ErrTooCostly
		e.Message = "the answer is nested too deeply"
	case webPage(answer):
		e.Message = notJSON
	}
	e.Status = answer.Status
	e.RequestID = requestID(answer.Header)
	c.quote(answer, e)
	c.clean(e)
	return e
}

// quote lets the connector read what the system says, which is not lockstep's
// own unless it says so.
func (c *Client) quote(answer *Answer, e *connectors.Error) {
	if c.opts.Refusal == nil {
		return
	}
	before, own := e.Message, e.Own
	e.Own = false
	c.opts.Refusal(answer, e)
	e.Own = e.Own || own && e.Message == before
}

func webPage(answer *Answer) bool { return isWebPage(answer.Header) }

func isWebPage(h http.Header) bool {
	return strings.Contains(strings.ToLower(h.Get("Content-Type")), "html")
}

func requestID(h http.Header) string {
	for _, name := range []string{"X-Request-Id", "X-Transaction-Id", "Atl-Traceid"} {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}

func classOf(status int, write bool) connectors.Class {
	switch {
	case status == http.StatusTooManyRequests:
		return connectors.ClassThrottled
	case status == http.StatusUnauthorized:
		return connectors.ClassUnauthorised
	case status == http.StatusForbidden && !write:
		return connectors.ClassForbidden
	case status == http.StatusNotFound:
		return connectors.ClassGone
	case status == http.StatusConflict:
		return connectors.ClassConflict
	case status == http.StatusRequestTimeout, status >= 500:
		return connectors.ClassUnclear
	case status/100 == 3, status == http.StatusTooEarly:
		return connectors.ClassRetry
	default:
		return connectors.ClassRejected
	}
}

const maxExcerpted = 64 << 10

// excerpt is the beginning of a text, fit for one line of a log.
func excerpt(text string) string {
	const limit = 300
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
