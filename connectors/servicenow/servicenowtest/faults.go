package servicenowtest

import (
	"net/http"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// CancelledMid is how this system spoils an answer: 200, with a body that is
// cut off and has an error appended; the work is done.
const CancelledMid = simulator.SpoiltBody

// What the platform says when it ends a transaction that takes too long.
const (
	cancelled       = "Transaction cancelled: maximum execution time exceeded"
	cancelledDetail = cancelled + ". Check logs for error trace."
)

// cancelMid is an answer that the platform cut off.
func cancelMid(a answer) answer {
	half := string(a.Body[:len(a.Body)/2])
	a.Body = []byte(half + `}""],"error":{"detail":"` + cancelledDetail + `","message":"` + cancelled + `"},"status":"failure"}`)
	return a
}

// failed is an error; once the work is done it is always that of a transaction
// which took too long.
func failed(f simulator.Fault) answer {
	status := f.Status
	switch {
	case f.Kind == simulator.FailAfter:
		return failure(http.StatusInternalServerError, cancelled, cancelledDetail)
	case status == 0:
		status = http.StatusServiceUnavailable
	}
	return failure(status, http.StatusText(status), "")
}

// hidden is the answer to a user who may not read a record.
func hidden() answer {
	return failure(http.StatusNotFound, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
}

func throttled(pause time.Duration) answer {
	a := failure(http.StatusTooManyRequests, "Rate limit exceeded", "Rate limit of 100 requests per hour for Table API exceeded")
	a.Header.Set("Retry-After", simulator.RetryAfter(pause))
	return a
}
