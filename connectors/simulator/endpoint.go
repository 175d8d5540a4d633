package simulator

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A System is how one vendor's system answers. Its functions are called one at
// a time, with State held; they have to be set but where nil says something.
type System struct {
	// State guards what the functions touch. Its clock is the system's.
	State *Mutex

	// Auth tells who makes a call, before it is handled; nil: nobody asks.
	Auth *Auth
	// Handle carries out a call and answers it.
	Handle func(*Call) Answer
	// Throttled is the answer to a call that came too soon.
	Throttled func(pause time.Duration) Answer
	// Failed is the answer under FailBefore or FailAfter.
	Failed func(Fault) Answer
	// NotFound is the answer to a caller that may not see the record.
	NotFound func() Answer
	// Spoilt is what becomes of an answer under SpoiltBody; nil: nothing does.
	Spoilt func(Answer) Answer

	// Secret reports whether a call's body is nothing for the log; nil: none is.
	Secret func(*http.Request) bool
	// MaxBody is how many bytes a request may have, else it is answered with 413;
	// 0: any.
	MaxBody int64
}

// A Call is one request with its body read.
type Call struct {
	*http.Request
	Body []byte
	// Account is who was authenticated by the system's Auth, and Principal its name in
	// the log.
	Account   *Account
	Principal string

	tooLarge bool // the body has more bytes than the system takes
}

// An Answer is what the system says.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// RetryAfter returns a pause as the header of that name counts it: in whole seconds,
// rounded up.
func RetryAfter(pause time.Duration) string {
	return strconv.Itoa(int((pause + time.Second - 1) / time.Second))
}

// An Endpoint is where a system is reached. It is safe for concurrent use.
type Endpoint struct {
	system System
	faults
	requests
}

// New makes the endpoint of a system.
func New(s System) *Endpoint { return &Endpoint{system: s} }

// What becomes of a connection that there is.
type ending int

const (
	whole ending = iota
	cut          // within the body
	reset        // without an answer
)

// tooDeep is deeper than encoding/json reads.
const tooDeep = 20_000

// play answers a call, with the fault that happens to it and the time by the
// system's clock. An error is the context's.
func (e *Endpoint) play(c *Call, f *Fault) (Answer, ending, error) {
	at := e.system.State.now()
	a, end, err := e.playFault(c, f)
	if a.Header != nil && a.Header.Get("Date") == "" {
		a.Header.Set("Date", at.UTC().Format(http.TimeFormat))
	}
	return a, end, err
}

func (e *Endpoint) playFault(c *Call, f *Fault) (Answer, ending, error) {
	if f == nil {
		return e.work(c), whole, nil
	}
	switch f.Kind {
	case Latency:
		if err := sleep(c.Context(), f.Delay); err != nil {
			return Answer{}, reset, err
		}
		return e.work(c), whole, nil
	case SlowAnswer:
		a := e.work(c)
		return a, whole, sleep(c.Context(), f.Delay)
	case Throttle:
		return e.answerOnly(c, func() Answer { return e.system.Throttled(f.pause(e.system.State.now())) }), whole, nil
	case FailBefore:
		return e.answerOnly(c, func() Answer { return e.system.Failed(*f) }), whole, nil
	case FailAfter:
		return e.workThen(c, func(a Answer) Answer {
			if a.Status/100 != 2 {
				return a
			}
			return e.system.Failed(*f)
		}), whole, nil
	case Anonymous:
		return e.answerOnly(c, func() Answer { return e.system.anonymous(c) }), whole, nil
	case Hidden:
		return e.answerOnly(c, e.system.NotFound), whole, nil
	case LoginPage, LoginRedirect, OtherJSON:
		return e.answerOnly(c, func() Answer { return signIn(f.Kind) }), whole, nil
	case CutBody:
		return e.work(c), cut, nil
	case SpoiltBody:
		return e.workThen(c, func(a Answer) Answer {
			if e.system.Spoilt == nil {
				return a
			}
			return e.system.Spoilt(a)
		}), whole, nil
	case DeepBody:
		return e.workThen(c, func(a Answer) Answer {
			a.Body = slices.Concat(bytes.Repeat([]byte{'['}, tooDeep), bytes.Repeat([]byte{']'}, tooDeep))
			return a
		}), whole, nil
	case ResetAfter:
		return e.work(c), reset, nil
	case CommitLate:
		e.workLate(c, f.Delay)
		return Answer{}, reset, nil
	case Refuse:
		return Answer{}, reset, nil
	default: // ResetBefore
		return e.answerOnly(c, func() Answer { return Answer{} }), reset, nil
	}
}

// work carries out a call.
func (e *Endpoint) work(c *Call) Answer {
	return e.workThen(c, func(a Answer) Answer { return a })
}

// signIn returns what single sign-on puts in the place of an answer.
func signIn(kind FaultKind) Answer {
	if kind == OtherJSON {
		return Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"status":"ok"}`)}
	}
	if kind == LoginRedirect {
		return Answer{Status: http.StatusFound, Header: http.Header{"Location": {"https://sso.example/login"}, "Content-Type": {"text/html"}}}
	}
	return Answer{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body: []byte("<!DOCTYPE html><html><head><title>Log in</title></head><body><form method=post></form></body></html>"),
	}
}

// workThen carries out a call and answers it with what is made of the answer.
func (e *Endpoint) workThen(c *Call, change func(Answer) Answer) Answer {
	e.system.State.Lock()
	defer e.system.State.Unlock()
	return change(e.handle(c))
}

// workLate has a call carried out once the time has passed, when its request is
// long over.
func (e *Endpoint) workLate(c *Call, d time.Duration) {
	late := &Call{Request: c.Clone(context.WithoutCancel(c.Context())), Body: c.Body, tooLarge: c.tooLarge}
	e.system.State.Lock()
	defer e.system.State.Unlock()
	e.system.State.putOff(d, func() { e.handle(late) })
}

// answerOnly answers without doing anything.
func (e *Endpoint) answerOnly(c *Call, answer func() Answer) Answer {
	e.system.State.Lock()
	defer e.system.State.Unlock()
	a := answer()
	e.log(c, a.Status)
	return a
}

// handle carries out a call and logs it; the system's state is held.
func (e *Endpoint) handle(c *Call) Answer {
	var a Answer
	if c.tooLarge {
		a = tooLarge()
	} else if refused, ok := e.system.Auth.refusal(c); ok {
		a = refused
	} else {
		a = e.system.Handle(c)
	}
	e.log(c, a.Status)
	return a
}

// tooLarge returns what a gateway says before the system sees the request.
func tooLarge() Answer {
	return Answer{
		Status: http.StatusRequestEntityTooLarge, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		Body: []byte("the request is too large\n"),
	}
}

func (e *Endpoint) log(c *Call, status int) {
	body := string(c.Body)
	if e.system.Secret != nil && e.system.Secret(c.Request) {
		body = ""
	}
	e.add(Request{
		At: e.system.State.now(), Method: c.Method, Path: c.URL.Path, Query: c.URL.RawQuery,
		Body: body, Principal: c.Principal, Status: status,
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
