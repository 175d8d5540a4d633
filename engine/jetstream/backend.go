package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// How long one request may take. A server whose disk is full, or whose stream
// has no quorum, leaves requests unanswered.
const (
	writeLimit = 5 * time.Second
	readLimit  = 10 * time.Second
)

// What there is to say of a server that says nothing.
var (
	ErrDisconnected = errors.New("the connection to NATS is lost")
	ErrNoAnswer     = errors.New("no answer from the NATS server (its disk may be full, or the stream without quorum)")
)

// backend is the one way to the NATS server. What cannot be stored fails at
// once while it is known why, a request that is left unanswered is given up,
// and whatever goes wrong has the next check come early.
type backend struct {
	topology topology
	logger   *slog.Logger
	kept     func(stream string) error // nil: everything is
	session  atomic.Pointer[session]
	acks     int                  // that checks have made
	missing  map[string]time.Time // streams that were deleted on the server, by when a check found that

	mu       sync.Mutex
	failure  error                   // why nothing is stored now; nil: it is
	changed  chan struct{}           // closed, and another made, when failure changes
	underWay map[*operation]struct{} // requests without an answer yet
	refusal  error                   // of a permission, since it was last looked for
	reading  map[*consumption]struct{}
	doubt    chan struct{} // something went wrong since the last check
}

// A session is one connection and what was opened on it.
type session struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	streams map[string]jetstream.Stream // by name
	dialled bool                        // by Watch, and so the store's to close
}

type operation struct {
	writes bool
	cancel context.CancelCauseFunc
}

func newBackend(t topology, logger *slog.Logger) *backend {
	return &backend{
		topology: t, logger: logger,
		missing:  map[string]time.Time{},
		changed:  make(chan struct{}),
		underWay: map[*operation]struct{}{},
		reading:  map[*consumption]struct{}{},
		doubt:    make(chan struct{}, 1),
	}
}

// open opens everything on a connection, tries it out, and goes on with it.
// made are the streams that were not there, by what they hold.
func (s *backend) open(ctx context.Context, nc *nats.Conn, dialled bool) (made []string, err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	s.attend(nc)
	opened, made, err := s.inspect(ctx, &session{nc: nc, js: js, dialled: dialled, streams: map[string]jetstream.Stream{}}, true)
	if enabled, _ := nc.ConnectedServerJetStream(); errors.Is(err, nats.ErrNoResponders) && !enabled && nc.ConnectedClusterName() == "" {
		// In a cluster another server may have it.
		err = fmt.Errorf("server %s: %w", nc.ConnectedServerName(), jetstream.ErrJetStreamNotEnabled)
	}
	if err != nil {
		return made, err
	}
	s.session.Store(opened)
	return made, nil
}

// write runs a request that changes something.
func (s *backend) write(ctx context.Context, f func(context.Context, *session) error) error {
	return s.do(ctx, true, writeLimit, f)
}

// read runs a request that changes nothing, which a full disk does not stop.
func (s *backend) read(ctx context.Context, f func(context.Context, *session) error) error {
	return s.do(ctx, false, readLimit, f)
}

// manage runs a request that is made whether or not anything can be stored, to
// find that out or to bring it about.
func (s *backend) manage(ctx context.Context, f func(context.Context, *session) error) error {
	return s.do(ctx, false, writeLimit, f)
}

func (s *backend) do(ctx context.Context, writes bool, limit time.Duration, f func(context.Context, *session) error) error {
	s.mu.Lock()
	if failure := storing(s.failure); writes && failure != nil {
		defer s.mu.Unlock()
		return failure
	}
	cancellable, cancel := context.WithCancelCause(ctx)
	op := &operation{writes: writes, cancel: cancel}
	s.underWay[op] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.underWay, op)
		s.mu.Unlock()
		cancel(nil)
	}()
	return s.bounded(ctx, cancellable, limit, f)
}

// bounded runs f with a time limit. An error names why it was given up, where
// it was given up here.
func (s *backend) bounded(caller, ctx context.Context, limit time.Duration, f func(context.Context, *session) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrNoAnswer)
	defer cancel()
	err := f(ctx, s.session.Load())
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && caller.Err() == nil {
		err = context.Cause(ctx)
	}
	if !answered(err) && !errors.Is(caller.Err(), context.Canceled) {
		s.note(err)
	}
	return err
}

// publish stores one message. A server whose files were removed goes on taking
// messages, into files that nobody finds again: those are not stored.
func (s *backend) publish(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (ack *jetstream.PubAck, err error) {
	err = s.write(ctx, func(ctx context.Context, in *session) error {
		if ack, err = in.js.PublishMsg(ctx, msg, opts...); err != nil || s.kept == nil {
			return err
		}
		return s.kept(ack.Stream)
	})
	if tooLarge(err) {
		err = fmt.Errorf("%w: %w", store.ErrTooLarge, err)
	}
	return ack, err
}

// last returns the newest message of a subject.
func (s *backend) last(ctx context.Context, stream, subject string) (msg *jetstream.RawStreamMsg, err error) {
	err = s.read(ctx, func(ctx context.Context, in *session) error {
		msg, err = in.streams[stream].GetLastMsgForSubject(ctx, subject)
		return err
	})
	return msg, err
}

// answered reports whether an error is a server's answer that says nothing of
// its state.
func answered(err error) bool {
	return errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) ||
		tooLarge(err) || wrongRevision(err)
}

// tooLarge reports whether a failure is the client library's word on the server's max_payload, or the
// server of a stream's max_msg_size, code 10054.
func tooLarge(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, nats.ErrMaxPayload) || errors.As(err, &api) && api.ErrorCode == 10054
}

// note has the store checked soon.
func (s *backend) note(err error) {
	if err == nil {
		return
	}
	select {
	case s.doubt <- struct{}{}:
	default:
	}
}

// err is why work cannot go on now; nil: it can.
func (s *backend) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// set keeps what a check found; on a failure nobody waits for answers to what
// is being written.
func (s *backend) set(failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failure == nil && s.failure == nil {
		return
	}
	s.failure = failure
	close(s.changed)
	s.changed = make(chan struct{})
	if failure := storing(failure); failure != nil {
		s.giveUp(failure, false)
	}
}

// giveUp ends what is under way; reads only if they get no answer either. The
// caller holds the lock.
func (s *backend) giveUp(failure error, reads bool) {
	for op := range s.underWay {
		if op.writes || reads {
			op.cancel(failure)
		}
	}
}

// stores waits until the store takes what it is given; false when ctx ends
// first.
func (s *backend) stores(ctx context.Context) bool {
	for {
		s.mu.Lock()
		failure, changed := storing(s.failure), s.changed
		s.mu.Unlock()
		if failure == nil {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

// attend hears what the client library tells beside the answers to requests,
// and passes it on to whoever listened before.
func (s *backend) attend(nc *nats.Conn) {
	onError, onLoss, onReturn := nc.Opts.AsyncErrorCB, nc.Opts.DisconnectedErrCB, nc.Opts.ReconnectedCB
	nc.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			s.refused(refusal(err))
		}
		s.note(err)
		if onError != nil {
			onError(nc, sub, err)
		}
	})
	nc.SetDisconnectErrHandler(func(nc *nats.Conn, err error) {
		s.mu.Lock()
		s.giveUp(ErrDisconnected, true)
		s.mu.Unlock()
		s.note(ErrDisconnected)
		if onLoss != nil {
			onLoss(nc, err)
		}
	})
	nc.SetReconnectHandler(func(nc *nats.Conn) {
		s.note(ErrDisconnected)
		if onReturn != nil {
			onReturn(nc)
		}
	})
}

func refusal(err error) error {
	return fmt.Errorf("the NATS user is not permitted what lockstep needs: %w", err)
}

// refused keeps a permission that is missing. Its request gets no answer, and
// which one that is the server does not say.
func (s *backend) refused(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = err
	s.giveUp(err, true)
}

// takeRefusal returns what was refused since it was last asked.
func (s *backend) takeRefusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.refusal
	s.refusal = nil
	return err
}
