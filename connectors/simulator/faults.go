package simulator

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A FaultKind is what goes wrong.
type FaultKind int

// The kinds of fault. Those of the answer leave the work done.
const (
	Latency       FaultKind = iota // Delay passes before anything is done
	SlowAnswer                     // the work is done, then Delay passes
	Throttle                       // 429 with Retry-After; nothing is done
	FailBefore                     // an error (Status, or the system's own); nothing is done
	FailAfter                      // an error (Status, or the system's own); the work is done
	CutBody                        // the connection ends within the answer; the work is done
	SpoiltBody                     // the answer is whole, and not what it should be; the work is done
	DeepBody                       // the answer is JSON that nests too deeply to be read; the work is done
	ResetBefore                    // the connection is reset; nothing is done
	ResetAfter                     // the connection is reset; the work is done
	CommitLate                     // the connection is reset; the work is done once Delay has passed
	Refuse                         // no connection; nothing is sent
	Anonymous                      // as to a caller whose credentials are not taken; nothing is done
	LoginPage                      // with success, a page on which people sign in; nothing is done
	LoginRedirect                  // 302 to where people sign in; nothing is done
	OtherJSON                      // a gateway answers 200 with JSON of its own; nothing is done
	Hidden                         // not found, in the vendor's words, as to a caller that may not see it; nothing is done
)

// A Fault happens to requests that it fits.
type Fault struct {
	Kind   FaultKind
	Method string // "" is any
	Path   string // part of the path; "" is any

	Times int       // how often; 0 is until ClearFaults or Until
	Until time.Time // by the system's clock; zero is without end

	Delay      time.Duration
	RetryAfter time.Duration // of Throttle; 0 is until Until, or 1 s
	Status     int           // of FailBefore and FailAfter
}

func (f *Fault) fits(r *http.Request, now time.Time) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.Contains(r.URL.Path, f.Path) && (f.Until.IsZero() || now.Before(f.Until))
}

// pause returns how long Throttle asks to wait.
func (f *Fault) pause(now time.Time) time.Duration {
	pause := f.RetryAfter
	if pause == 0 && !f.Until.IsZero() {
		pause = f.Until.Sub(now)
	}
	return max(pause, time.Second)
}

// faults are those that wait for a request, oldest first.
type faults struct {
	mu  sync.Mutex // guards all
	all []*Fault
}

// Inject adds a fault. Of several that fit, the oldest happens.
func (l *faults) Inject(f Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, &f)
}

// ClearFaults ends all faults. Writes that are to be done late stay.
func (l *faults) ClearFaults() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = nil
}

// take returns the fault that happens to a request; nil: none does.
func (l *faults) take(r *http.Request, now time.Time) *Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.all, func(f *Fault) bool { return f.fits(r, now) })
	if i < 0 {
		return nil
	}
	taken := *l.all[i]
	if taken.Times == 1 {
		l.all = slices.Delete(l.all, i, i+1)
	} else if taken.Times > 1 {
		l.all[i].Times--
	}
	return &taken
}
