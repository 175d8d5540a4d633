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

// PausedUntil is until when the system has asked for silence; the zero time
// when it has not.
func (c *Client) PausedUntil() time.Time { return c.pauses.Until(c.scope("", "")) }

// scope names what a pause is of: the system at the address, or what counts
// against one of its limits.
func (c *Client) scope(limit, of string) string {
	return c.opts.Connector + "\n" + c.opts.BaseURL + "\n" + limit + "\n" + of
}

// throttled is the failure of a request that is not sent because the system
// has asked for silence; nil when it has not.
func (c *Client) throttled(r Request, fail failFunc) *connectors.Error {
	until, part := c.PausedUntil(), ""
	for limit, of := range r.Limits {
		if end := c.pauses.Until(c.scope(limit, of)); end.After(until) {
			until, part = end, " for this ("+limit+")"
		}
	}
	if until.IsZero() {
		return nil
	}
	e := fail(connectors.ClassThrottled, "not sent: the system asked not to be called"+part+" before "+until.UTC().Format(time.RFC3339), nil)
	e.Until = until
	return e
}

// answered takes note of a request that was taken.
func (c *Client) answered(r Request) {
	c.pauses.Answered(c.scope("", ""))
	for limit, of := range r.Limits {
		c.pauses.Answered(c.scope(limit, of))
	}
}

// longestPlausible is what a system may mean by Retry-After. More is a mistake,
// such as a point in time in the place of a duration, and as good as nothing.
const longestPlausible = 24 * time.Hour

// honourRetryAfter begins the pause that an answer asks for.
func (c *Client) honourRetryAfter(answer *Answer, r Request, e *connectors.Error) {
	asked, named := retryAfter(answer.Header, time.Now())
	if asked > longestPlausible {
		asked, named = 0, false
	}
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
