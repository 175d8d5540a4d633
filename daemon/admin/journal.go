package admin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/lockstep-sync/lockstep/engine"
)

// getJournal answers with the journal, oldest entry first, one JSON object a
// line. It holds contents of records, to decide again.
func (a *API) getJournal(w http.ResponseWriter, r *http.Request) {
	var since time.Time
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			answerError(w, http.StatusBadRequest, "since: expected a time as 2026-01-02T15:04:05Z")
			return
		}
	}
	e := a.Engine()
	if e == nil {
		answerError(w, http.StatusServiceUnavailable, errStarting.Error())
		return
	}
	out := bufio.NewWriter(w)
	begun := false
	write := func(entry []byte) error {
		if !begun {
			w.Header().Set("Content-Type", "application/x-ndjson")
		}
		begun = true
		_, err := out.Write(append(entry, '\n'))
		return err
	}
	_, err := reading(a, r, func(e Engine) (struct{}, error) {
		err := e.Export(r.Context(), since, write)
		if err != nil && begun {
			panic(http.ErrAbortHandler) // half of it must not be taken for all
		}
		return struct{}{}, err
	})(e)
	if err != nil {
		a.Log.Error("admin request failed", "error", err)
		answerError(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	_ = out.Flush() // the client is gone; nobody to tell
}

// Journal asks for the journal since a time and hands over its JSON lines, oldest
// first. It holds one at a time.
func (c *Client) Journal(ctx context.Context, since time.Time, take func(line []byte) error) error {
	path := "/v1/journal"
	if !since.IsZero() {
		path += "?since=" + url.QueryEscape(since.UTC().Format(time.RFC3339))
	}
	response, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		if err != nil {
			return &UnreachableError{Address: c.address, Err: err}
		}
		return c.refusal(response, raw)
	}
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 && (err == nil || errors.Is(err, io.EOF)) {
			if err := take(line); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &UnreachableError{Address: c.address, Err: err}
		}
	}
}

var _ Engine = (*engine.Engine)(nil)
