package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Status is what GET /v1/status answers.
type Status struct {
	Ready bool `json:"ready"`
	// Waiting says what Ready waits for.
	Waiting    string                    `json:"waiting,omitempty"`
	Version    string                    `json:"version"`
	Generation string                    `json:"generation"` // the one that runs
	Commit     string                    `json:"commit"`
	Config     ConfigStatus              `json:"config"`
	Routes     []engine.RouteStatus      `json:"routes"`
	Connectors []breaker.ConnectorStatus `json:"connectors"`
	// RoutesError is why Routes is not known.
	RoutesError string `json:"routes_error,omitempty"`
	// Lost is what somebody deleted on the NATS server while the daemon ran.
	Lost []Loss `json:"lost,omitempty"`
	// Store is what was found wrong with the store, and what to do about it.
	Store []store.Warning `json:"store"`
}

// A Loss is something that was deleted and could not be made good.
type Loss struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// ConfigStatus says what is to be said of the files on disk.
type ConfigStatus struct {
	// OK is false while the files are bad; the daemon runs on an older
	// configuration then.
	OK bool `json:"ok"`
	// Stale is true where the files have changed and were not looked at yet.
	Stale bool `json:"stale,omitempty"`
	// Blocked is why good files were not taken over; it is tried again. Empty: they
	// were.
	Blocked  string    `json:"blocked,omitempty"`
	LoadedAt time.Time `json:"loaded_at"` // of the configuration that runs
	// Diagnostics are the errors of bad files, else warnings.
	Diagnostics rules.Diagnostics `json:"diagnostics"`
}

func (a *API) getStatus(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, a.Status(r.Context()))
}

func (a *API) postReload(w http.ResponseWriter, r *http.Request) {
	err := a.Reload(r.Context(), r.URL.Query().Get("empty") == "true")
	status := a.Status(r.Context())
	switch {
	case err == nil:
		answer(w, http.StatusOK, status)
	case errors.Is(err, ErrBadConfig):
		answer(w, http.StatusConflict, reloadRefused{Error: err.Error() + "; keeping the current one", Diagnostics: status.Config.Diagnostics})
	default:
		answer(w, http.StatusServiceUnavailable, reloadRefused{Error: err.Error(), Diagnostics: status.Config.Diagnostics})
	}
}

// reloadRefused is the answer to a reload that changed nothing.
type reloadRefused struct {
	Error       string            `json:"error"`
	Diagnostics rules.Diagnostics `json:"diagnostics"`
}
