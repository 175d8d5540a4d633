package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/lockstep-sync/lockstep/engine/backfill"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

func (a *API) getBackfill(w http.ResponseWriter, r *http.Request) {
	ask(a, w, reading(a, r, func(e Engine) (any, error) { return e.BackfillJob(r.Context()) }))
}

func (a *API) stopBackfill(w http.ResponseWriter, r *http.Request) {
	ask(a, w, func(e Engine) (any, error) {
		job, err := e.StopBackfill(r.Context())
		if err == nil {
			a.Log.Info("backfill stopped by an operator", "id", job.ID, "done", job.Done, "records", job.Total)
		}
		return job, err
	})
}

// startBackfill answers with the job that it began (202), or with the one that is under
// way (409).
func (a *API) startBackfill(w http.ResponseWriter, r *http.Request) {
	var body backfill.Request
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		answerError(w, http.StatusBadRequest, "the body should be {\"since\",\"route\"}: "+err.Error())
		return
	}
	e := a.Engine()
	if e == nil {
		answerError(w, http.StatusServiceUnavailable, errStarting.Error())
		return
	}
	job, err := e.Backfill(r.Context(), body)
	var noRoute *backfill.RouteError
	switch {
	case err == nil:
		a.Log.Info("backfill begun by an operator", "id", job.ID, "route", body.Route, "since", body.Since)
		answer(w, http.StatusAccepted, job)
	case errors.Is(err, backfill.ErrUnderWay):
		answer(w, http.StatusConflict, underWay{Error: err.Error(), Job: &job})
	case errors.As(err, &noRoute):
		answerError(w, http.StatusNotFound, noRoute.Error())
	default:
		a.fail(w, err)
	}
}

// underWay refuses a second backfill, and says which is the first.
type underWay struct {
	Error string        `json:"error"`
	Job   *backfill.Job `json:"job"`
}

// planBackfill answers with what a backfill would do, one JSON object a record and line,
// as it is found. A last line {"complete":true} says that none is missing.
func (a *API) planBackfill(w http.ResponseWriter, r *http.Request) {
	request := backfill.Request{Route: r.URL.Query().Get("route")}
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if request.Since, err = time.Parse(time.RFC3339, text); err != nil {
			answerError(w, http.StatusBadRequest, "since: expected a time as 2026-01-02T15:04:05Z")
			return
		}
	}
	e := a.Engine()
	if e == nil {
		answerError(w, http.StatusServiceUnavailable, errStarting.Error())
		return
	}
	control, begun := http.NewResponseController(w), false
	encoder := json.NewEncoder(w)
	write := func(line any) error {
		if !begun {
			w.Header().Set("Content-Type", "application/x-ndjson")
		}
		begun = true
		_ = control.SetWriteDeadline(time.Now().Add(Timeout)) // for each: there is no end of them
		if err := encoder.Encode(line); err != nil {
			return err
		}
		return control.Flush()
	}
	err := e.BackfillDryRun(r.Context(), request, func(p reconcile.Planned) error { return write(p) })
	var noRoute *backfill.RouteError
	switch {
	case err == nil:
		_ = write(complete{true}) // the client is gone; nobody to tell
	case begun:
		_ = write(map[string]string{"error": err.Error()})
	case errors.As(err, &noRoute):
		answerError(w, http.StatusNotFound, noRoute.Error())
	default:
		a.fail(w, err)
	}
}

type complete struct {
	Complete bool `json:"complete"`
}

// Backfill begins one. Where one is under way, that is returned, and joined is true.
func (c *Client) Backfill(ctx context.Context, request backfill.Request) (job backfill.Job, joined bool, err error) {
	job, raw, err := call[backfill.Job](ctx, c, http.MethodPost, "/v1/backfill", request)
	var refused *AnswerError
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		var other underWay
		if json.Unmarshal(raw, &other) == nil && other.Job != nil {
			return *other.Job, true, nil
		}
	}
	return job, false, err
}

// BackfillJob returns the newest one.
func (c *Client) BackfillJob(ctx context.Context) (backfill.Job, []byte, error) {
	return call[backfill.Job](ctx, c, http.MethodGet, "/v1/backfill", nil)
}

// StopBackfill ends the one that is under way.
func (c *Client) StopBackfill(ctx context.Context) (backfill.Job, []byte, error) {
	return call[backfill.Job](ctx, c, http.MethodDelete, "/v1/backfill", nil)
}

// PlanBackfill hands over what a backfill would do, record by record.
func (c *Client) PlanBackfill(ctx context.Context, request backfill.Request, take func(p reconcile.Planned, line []byte) error) error {
	query := url.Values{}
	set(query, "route", request.Route)
	if !request.Since.IsZero() {
		query.Set("since", request.Since.UTC().Format(time.RFC3339))
	}
	response, err := c.stream(ctx, "/v1/backfill/plan?"+query.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxAdminBody*16)
	for lines.Scan() {
		var line struct {
			reconcile.Planned
			complete
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return err
		}
		switch {
		case line.Complete:
			return nil
		case line.Record.IsZero():
			return &AnswerError{Status: response.StatusCode, Message: line.Error}
		}
		if err := take(line.Planned, lines.Bytes()); err != nil {
			return err
		}
	}
	err = lines.Err()
	if err == nil {
		err = errors.New("the answer ended early")
	}
	return &UnreachableError{Address: c.address, Err: err}
}
