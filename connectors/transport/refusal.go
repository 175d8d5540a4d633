package transport

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// refusal is the failure that an answer other than 2xx means.
func (c *Client) refusal(answer *Answer, r Request, write bool, fail failFunc) *connectors.Error {
	e := fail(classOf(answer.Status, write), "", nil)
	e.Status = answer.Status
	e.RequestID = requestID(answer.Header)
	if answer.Status/100 == 3 {
		e.Message = "redirected; is the address of the connector right?"
	}
	if c.opts.Refusal != nil {
		c.opts.Refusal(answer, e)
	}
	if e.Message == "" {
		// Cleaned before it is cut, or half a secret would stay.
		e.Message = excerpt(c.redact(string(answer.Body[:min(len(answer.Body), maxExcerpted)])))
	}
	c.clean(e)
	c.heed(answer, r, e)
	return e
}

// heed begins the pause that an answer asks for.
func (c *Client) heed(answer *Answer, r Request, e *connectors.Error) {
	asked, named := retryAfter(answer.Header, time.Now())
	if answer.Status != http.StatusTooManyRequests && (answer.Status != http.StatusServiceUnavailable || !named) {
		return
	}
	limit, of := "", ""
	if c.opts.Limit != nil {
		limit = c.opts.Limit(answer)
	}
	if of = r.Limits[limit]; of == "" {
		limit = "" // nobody knows of what
	}
	e.Until = c.pauses.Ask(c.scope(limit, of), asked, named)
	pause := time.Until(e.Until)
	if l := c.opts.Env.Logger; l != nil && asked > connectors.LongestPause {
		l.Warn("a system asks for a longer silence than is heeded; it is called again before that", "asked", asked.String(), "heeded", pause.Round(time.Second).String(), "limit", limit)
	}
	if o := c.opts.Env.Observer; o != nil && limit == "" {
		o.Throttled(c.opts.Connector, pause)
	}
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
	case status == http.StatusUnauthorized, status == http.StatusForbidden && !write:
		return connectors.ClassUnauthorised
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

// retryAfter reads Retry-After, in seconds or as a date, as it is said: it may
// be in the past, or centuries away. A date is taken against the answer's own,
// since the two clocks may differ.
func retryAfter(h http.Header, now time.Time) (asked time.Duration, named bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); (err == nil || errors.Is(err, strconv.ErrRange)) && !math.IsNaN(seconds) {
		const most = float64(math.MaxInt64 / int64(time.Second))
		return time.Duration(min(max(seconds, -most), most) * float64(time.Second)), true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return at.Sub(now), true
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
