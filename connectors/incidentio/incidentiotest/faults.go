package incidentiotest

import (
	"net/http"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// throttled is the refusal of a call before its key was looked at.
func (s *Server) throttled(pause time.Duration) answer { return s.throttle("", pause, nil) }

// failed is the account's own failure.
func (s *Server) failed(f simulator.Fault) answer {
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	return s.refuse(problem{status: status, kind: "internal_error", code: "internal_error", message: "An unexpected error occurred"})
}
