package breaker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// When a kind of call is said to fail.
const (
	// One failure may be a passing one: it counts until something goes well.
	// So many in a row count until a call of the same kind does.
	failuresToTell = 3
	// A record that is refused says nothing of the connector; so many in a row,
	// with none that was taken, do.
	refusalsToTell = 5
	// A creation whose answer is lost is repeated once, and then a person has to look:
	// there is no third.
	creationsToTell = 2
	// A kind that was not called for so long is forgotten: what is retried is
	// tried at least once an hour.
	callsKept = 24 * time.Hour
	// mostCalls bounds the kinds: an operation and a record type each.
	mostCalls = 64
	// mostTold bounds what is told of a failure, in characters.
	mostTold = 300
)

// A CallStatus says how one kind of call to a connector does.
type CallStatus struct {
	Call       string     `json:"call"` // operation and record type: "read incident", "poll comments"
	OK         bool       `json:"ok"`
	LastOK     *time.Time `json:"last_ok"`
	LastFailed *time.Time `json:"last_failed"`
	Failures   int        `json:"failures"` // in a row
	Error      string     `json:"error"`    // of the last one; never contents
}

// callHealth remembers how each kind of call went, so that one which goes well
// does not hide that another never does.
type callHealth struct {
	mu    sync.Mutex
	kinds map[string]*kindOfCall
	calls int // so far: what orders them where the clock does not
	// workedAt is the last one that the system did, or refused for the sake of a
	// record.
	workedAt int
}

type kindOfCall struct {
	failedAt           int // counted as calls are
	lastOK, lastFailed time.Time
	failures, refusals int
	refused            bool // the last failure is one that no repeating ends
	forbidden          bool // and it is about this kind of call alone
	message, setting   string
}

// Operations that are told apart. The first two are about no one record.
const (
	OpPoll    = "poll"
	OpLookUp  = "look-up" // a search for a record by its key
	OpHistory = "history"
	OpFind    = "find" // of what a person named
	opRead    = "read"
	opCreate  = "create"
)

// Kind names a kind of call.
func Kind(op, record string) string { return strings.TrimSpace(op + " " + record) }

// asksForNoRecord reports whether a call's request is the connector's own, so
// that its refusal is not about a record.
func asksForNoRecord(kind string) bool {
	op, _, _ := strings.Cut(kind, " ")
	return op == OpPoll || op == OpLookUp
}

// What a call says of its kind.
type callOutcome int

const (
	callWorked  callOutcome = iota
	callRefused             // its record was refused
	callFailed
	callUnsent // it says nothing
)

func outcomeOf(kind string, err error) callOutcome {
	if err == nil {
		return callWorked
	}
	if errors.Is(err, context.Canceled) {
		return callUnsent
	}
	class, known := connectors.ClassOf(err)
	op, _, _ := strings.Cut(kind, " ")
	switch {
	case !known:
		return callFailed
	case class == connectors.ClassThrottled:
		return callUnsent
	case asksForNoRecord(kind), !answersARecord(class):
		return callFailed
	case op == OpHistory: // without one the engine goes on
		return callWorked
	case class == connectors.ClassRejected, class == connectors.ClassForbidden && op == opRead:
		return callRefused
	case class == connectors.ClassForbidden:
		return callFailed
	default:
		return callWorked
	}
}

// answersARecord reports whether a failure is an answer: the system is there, and
// took the credentials.
func answersARecord(class connectors.Class) bool {
	switch class {
	case connectors.ClassRejected, connectors.ClassGone, connectors.ClassConflict, connectors.ClassForbidden:
		return true
	default:
		return false
	}
}

// note takes note of how a call went.
func (h *callHealth) note(kind string, err error, now time.Time) {
	outcome := outcomeOf(kind, err)
	if outcome == callUnsent {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	k := h.kind(kind)
	if outcome != callFailed && kind != OpResolve { // which is answered from a cache as a rule
		h.workedAt = h.calls
	}
	switch outcome {
	case callWorked:
		k.failures, k.refusals, k.lastOK = 0, 0, now
		return
	case callRefused:
		k.failures, k.refusals = 0, k.refusals+1
	default:
		k.failures, k.refusals = k.failures+1, 0
	}
	k.lastFailed, k.failedAt = now, h.calls
	k.message, k.setting, k.refused, k.forbidden = told(kind, err), "", false, false
	if said, ok := errors.AsType[*connectors.Error](err); ok {
		k.setting = said.Setting
		k.forbidden = said.Class == connectors.ClassForbidden
		k.refused = k.forbidden || said.Class == connectors.ClassUnauthorised || said.Class == connectors.ClassRejected || said.Setting != ""
	}
}

// told returns what may be told of a failure. A refused poll or look-up quotes the
// system, for the request holds nothing of a record; of an answer that cannot be
// read, what kept it from being read.
func told(kind string, err error) string {
	var e *connectors.Error
	if !errors.As(err, &e) {
		return Redact(err)
	}
	refused := asksForNoRecord(kind) && e.Class == connectors.ClassRejected
	if e.Message == "" || !refused && e.Status/100 != 2 {
		return Redact(err)
	}
	short := *e
	short.Record, short.Err = "", nil
	return excerpt(short.Error(), mostTold)
}

// kind needs the lock.
func (h *callHealth) kind(name string) *kindOfCall {
	if h.kinds == nil {
		h.kinds = map[string]*kindOfCall{}
	}
	k := h.kinds[name]
	if k == nil {
		if len(h.kinds) >= mostCalls {
			h.forgetOldest()
		}
		k = &kindOfCall{}
		h.kinds[name] = k
	}
	return k
}

func (h *callHealth) forgetOldest() {
	oldest := ""
	for name, k := range h.kinds {
		if oldest == "" || k.last().Before(h.kinds[oldest].last()) {
			oldest = name
		}
	}
	delete(h.kinds, oldest)
}

func (k *kindOfCall) last() time.Time {
	if k.lastFailed.After(k.lastOK) {
		return k.lastFailed
	}
	return k.lastOK
}

// fails reports whether this kind of call is to be called failing.
func (h *callHealth) fails(name string, k *kindOfCall) bool {
	switch {
	case k.failures >= failuresToTell, k.refusals >= refusalsToTell, k.failures >= creationsToTell && strings.HasPrefix(name, opCreate+" "):
		return true
	case k.failures == 0:
		return false
	case k.forbidden, k.refused && asksForNoRecord(name):
		return true
	default:
		return h.workedAt < k.failedAt
	}
}

// status fills in what the kinds of call say of the connector.
func (h *callHealth) status(s *ConnectorStatus, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var worst *kindOfCall
	for name, k := range h.kinds {
		if now.Sub(k.last()) > callsKept {
			delete(h.kinds, name)
			continue
		}
		failing := h.fails(name, k)
		call := CallStatus{Call: name, OK: !failing, Failures: k.failures + k.refusals, LastOK: instant(k.lastOK), LastFailed: instant(k.lastFailed), Error: k.message}
		s.Calls = append(s.Calls, call)
		if !failing {
			continue
		}
		s.OK = false
		poll := strings.HasPrefix(name, OpPoll+" ") && k.failures >= failuresToTell
		s.Refused = s.Refused || k.refused || poll
		if worst == nil || worse(k, worst) {
			worst = k
		}
	}
	slices.SortFunc(s.Calls, func(a, b CallStatus) int { return cmp.Compare(a.Call, b.Call) })
	if worst != nil {
		s.LastError = worst.message
		s.Attribute = worst.setting
	}
}

// worse orders failing kinds by what is to be told first: a setting at fault,
// then what is newest.
func worse(a, b *kindOfCall) bool {
	if (a.setting != "") != (b.setting != "") {
		return a.setting != ""
	}
	if a.refused != b.refused {
		return a.refused
	}
	return a.lastFailed.After(b.lastFailed)
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// excerpt returns the beginning of a text.
func excerpt(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
