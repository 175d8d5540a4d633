package transport

import (
	"net/http"
	"time"
)

// Clock is the time by the system's clock, as far as its answers have told; by
// ours, before. A time in a record that is later says nothing of when it was
// written: no cursor goes there.
func (c *Client) Clock() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// noteClock takes note of an answer's Date, which has whole seconds: within one,
// the clocks are taken to agree.
func (c *Client) noteClock(h http.Header) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	ahead := time.Until(date)
	if ahead > -time.Second && ahead <= 0 {
		ahead = 0
	}
	c.ahead.Store(int64(ahead))
}
