package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/engine"
)

const (
	// An answer that goes on says something at least so often, an empty line where there
	// is nothing to say, so that both sides know that the other is there.
	pulse = 15 * time.Second
	// writeTimeout is how long a client may take to read what was sent.
	writeTimeout = 30 * time.Second
)

// followDecisions answers with decisions, oldest first, one JSON object a line, and goes
// on with each that is made until the client leaves or the daemon stops.
func (a *API) followDecisions(w http.ResponseWriter, r *http.Request, limit int) {
	e := a.Engine()
	if e == nil {
		answerError(w, http.StatusServiceUnavailable, errStarting.Error())
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if a.Ending != nil {
		go func() {
			select {
			case <-a.Ending:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	s := &stream{w: w}
	defer s.end()
	err := e.FollowDecisions(ctx, r.URL.Query().Get("record"), r.URL.Query().Get("route"), limit, func() { _ = s.line(nil) }, func(d engine.DecisionView) error {
		line, err := json.Marshal(d)
		if err != nil {
			return err
		}
		return s.line(line)
	})
	if err != nil && !s.began() {
		a.fail(w, err)
		return
	}
	if err != nil {
		panic(http.ErrAbortHandler) // who reads on shall know that something is missing
	}
	_ = s.line(nil) // the client is gone; nobody to tell
}

// A stream is an answer that goes on.
type stream struct {
	w http.ResponseWriter

	mu    sync.Mutex
	begun bool
	ended bool
	beat  *time.Timer
}

func (s *stream) began() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// line sends a line at once, and an empty one when there was none for some time.
func (s *stream) line(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "application/x-ndjson")
		s.w.WriteHeader(http.StatusOK)
		s.beat = time.AfterFunc(pulse, func() { _ = s.line(nil) }) // a client that is gone, its request says
	}
	s.beat.Reset(pulse)
	control := http.NewResponseController(s.w)
	_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // without one, it may take longer
	if _, err := s.w.Write(append(bytes.Clone(text), '\n')); err != nil {
		return err
	}
	return control.Flush()
}

// end keeps what is still to be said from an answer that is over.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.beat != nil {
		s.beat.Stop()
	}
}

// FollowDecisions hands over what Decisions lists, oldest first, and then each decision
// when it is made, with its JSON. It ends when take fails, ctx ends, or the daemon stops.
func (c *Client) FollowDecisions(ctx context.Context, name, route string, limit int, take func(d engine.DecisionView, raw []byte) error) error {
	query := url.Values{"limit": {strconv.Itoa(limit)}, "follow": {"true"}}
	set(query, "record", name)
	set(query, "route", route)
	response, err := c.stream(ctx, "/v1/decisions?"+query.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// A daemon that says nothing for so long is not there any more.
	silence := time.AfterFunc(3*pulse, func() { _ = response.Body.Close() })
	defer silence.Stop()
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadBytes('\n')
		silence.Reset(3 * pulse)
		if len(bytes.TrimSpace(line)) > 0 && err == nil {
			var d engine.DecisionView
			if err := json.Unmarshal(line, &d); err != nil {
				return err
			}
			if err := take(d, line); err != nil {
				return err
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF):
			return ErrStopped
		case err != nil:
			return &UnreachableError{Address: c.address, Err: err}
		}
	}
}

// ErrStopped says that the daemon stopped while it was followed.
var ErrStopped = errors.New("the daemon stopped")
