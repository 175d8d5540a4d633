package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/lockstep-sync/lockstep/engine"
)

// getJournal answers with the journal, oldest entry first, one JSON object a
// line. It holds contents of records, to decide again.
func (a *admin) getJournal(w http.ResponseWriter, r *http.Request) {
	var since time.Time
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			answerError(w, http.StatusBadRequest, "since: expected a time as 2026-01-02T15:04:05Z")
			return
		}
	}
	e := a.engine()
	if e == nil {
		answerError(w, http.StatusServiceUnavailable, errStarting.Error())
		return
	}
	entries, err := reading(r, func(e adminEngine) ([]json.RawMessage, error) { return e.Export(r.Context(), since) })(e)
	if err != nil {
		a.log.Error("admin request failed", "error", err)
		answerError(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriter(w)
	for _, entry := range entries {
		if _, err := out.Write(append(entry, '\n')); err != nil {
			return // the client is gone; nobody to tell
		}
	}
	_ = out.Flush() // as above
}

// Journal asks for the journal since a time: JSON lines, oldest first.
func (c *Client) Journal(ctx context.Context, since time.Time) ([]byte, error) {
	path := "/v1/journal"
	if !since.IsZero() {
		path += "?since=" + url.QueryEscape(since.UTC().Format(time.RFC3339))
	}
	_, raw, err := call[json.RawMessage](ctx, c, http.MethodGet, path, nil)
	var refused *AnswerError
	var unreachable *UnreachableError
	if err != nil && (errors.As(err, &refused) || errors.As(err, &unreachable) || raw == nil) {
		return nil, err
	}
	if len(raw) >= maxAnswer {
		return nil, errors.New("the journal is too long for one answer; ask for less of it with -since")
	}
	return raw, nil // lines are no JSON value; the reader decodes them
}

var _ adminEngine = (*engine.Engine)(nil)
