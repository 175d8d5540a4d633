package admin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// longestWait bounds what somebody may wait for a record, so that the answer is there
// before the request ends.
const longestWait = Timeout - 30*time.Second

// syncing is what POST /v1/sync takes.
type syncing struct {
	Name    string   `json:"name"`
	Timeout duration `json:"timeout"` // as "1m"
}

// A duration is written as Go writes it.
type duration time.Duration

// UnmarshalText reads a duration.
func (d *duration) UnmarshalText(text []byte) error {
	read, err := time.ParseDuration(string(text))
	*d = duration(read)
	return err
}

// MarshalText writes a duration.
func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// postSync looks at the records that a name means, and answers when it is known what
// became of them.
func (a *API) postSync(w http.ResponseWriter, r *http.Request) {
	var body syncing
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		answerError(w, http.StatusBadRequest, "the body should be {\"name\",\"timeout\"}: "+err.Error())
		return
	}
	timeout := time.Duration(body.Timeout)
	if body.Name == "" || timeout < 0 || timeout > longestWait {
		answerError(w, http.StatusBadRequest, "a name is needed, and a timeout from 0s to "+longestWait.String())
		return
	}
	ask(a, w, func(e Engine) (any, error) {
		outcomes, err := e.Sync(r.Context(), body.Name, timeout)
		if err == nil {
			a.Log.Info("looked at by an operator", "record", outcomes[0].Record.String())
		}
		return outcomes, err
	})
}

// waiting is what POST /v1/dead/NAME/retry takes; without it, nobody waits.
type waiting struct {
	Timeout *duration `json:"timeout"`
}

// waited is how long somebody who retries waits for what becomes of it; ok is false where
// that was answered. waits: somebody does.
func waited(w http.ResponseWriter, r *http.Request) (timeout time.Duration, waits, ok bool) {
	var body waiting
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil && !errors.Is(err, io.EOF) {
		answerError(w, http.StatusBadRequest, "the body should be {\"timeout\"}, or none: "+err.Error())
		return 0, false, false
	}
	if body.Timeout == nil {
		return 0, false, true
	}
	timeout = time.Duration(*body.Timeout)
	if timeout < 0 || timeout > longestWait {
		answerError(w, http.StatusBadRequest, "timeout: expected one from 0s to "+longestWait.String())
		return 0, false, false
	}
	return timeout, true, true
}
