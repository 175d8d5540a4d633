package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// How often the store is checked: while it takes what it is given, and while
// it does not. A request that fails has it checked at once, but no more often
// than checkPause.
const (
	checkEvery = 5 * time.Second
	checkAgain = time.Second
	checkPause = 100 * time.Millisecond
	// remakePause is how long a stream has been missing before it is made again:
	// the server forgets a stream before it removes its files, and would remove
	// those of the next one of that name.
	remakePause = 2 * time.Second
)

// A Watch is how a store is watched.
type Watch struct {
	// Host, if not nil, is asked first, and may bring the server back.
	Host func() error
	// Trouble, if not nil, receives when Host is worth asking.
	Trouble <-chan struct{}
	// Dial makes another connection when the one in use was closed for good,
	// as the client library does after errors that it does not know. The store
	// closes it.
	Dial func(context.Context) (*nats.Conn, error)
	// Lost is told of streams that were deleted on the server and made again,
	// empty, by what they held. It is told again if it returns an error.
	Lost func(ctx context.Context, held []string) error
}

// Err is why nothing can be stored now; nil: it can, as far as Watch knows.
func (s *Store) Err() error {
	if err := s.server.err(); err != nil {
		return err
	}
	if !s.server.session.Load().nc.IsConnected() {
		return ErrDisconnected
	}
	return nil
}

// Close closes the connection if it was dialled by Watch.
func (s *Store) Close() {
	if in := s.server.session.Load(); in.dialled {
		in.nc.Close()
	}
}

// Watch checks the store, and brings it back, until ctx ends. Err and every
// write go by what it found last.
func (s *Store) Watch(ctx context.Context, w Watch) {
	var lost []string
	var since time.Time
	for all := false; ; {
		made, err := s.server.check(ctx, w, all)
		if ctx.Err() != nil {
			return
		}
		before := s.server.err()
		s.server.set(err)
		switch {
		case err != nil && before == nil:
			since = time.Now()
			s.server.logger.Error("nothing can be stored: webhooks are answered with 503, and work waits", "error", err)
		case err != nil && err.Error() != before.Error():
			s.server.logger.Error("still nothing can be stored", "error", err)
		case err == nil && before != nil:
			s.server.logger.Info("everything can be stored again; work goes on", "after", time.Since(since).Round(time.Millisecond))
		}
		lost = append(lost, made...)
		if err == nil && len(lost) > 0 && s.server.tell(ctx, w.Lost, lost) {
			lost = nil
		}
		every := checkEvery
		if err != nil || len(lost) > 0 {
			every = checkAgain
		}
		doubted, over := s.server.pause(ctx, every, w.Trouble)
		if over {
			return
		}
		all = err != nil || doubted
	}
}

func (s *backend) tell(ctx context.Context, told func(context.Context, []string) error, lost []string) bool {
	if told == nil {
		return true
	}
	if err := told(ctx, lost); err != nil {
		s.logger.Error("what follows from streams that were lost was not all put right; it is tried again", "error", err)
		return false
	}
	return true
}

// pause waits until the next check is due, or something went wrong.
func (s *backend) pause(ctx context.Context, every time.Duration, trouble <-chan struct{}) (doubted, over bool) {
	select {
	case <-ctx.Done():
		return false, true
	case <-time.After(checkPause):
	}
	select {
	case <-ctx.Done():
		return false, true
	case <-time.After(every - checkPause):
		return false, false
	case <-s.doubt:
	case <-trouble:
	}
	return true, false
}

// check finds out whether everything can be stored and read, by doing so; all:
// all that will ever be asked of the server. made are the streams that had to
// be made again, by what they held.
func (s *backend) check(ctx context.Context, w Watch, all bool) (made []string, err error) {
	if w.Host != nil {
		if err := w.Host(); err != nil {
			return nil, err
		}
	}
	in := s.session.Load()
	switch {
	case in.nc.IsClosed() && w.Dial != nil:
		nc, err := w.Dial(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w, and it cannot be made again: %w", ErrDisconnected, err)
		}
		made, err := s.open(ctx, nc, true)
		if err != nil {
			nc.Close()
			return nil, err
		}
		s.logger.Info("connected again", "server", nc.ConnectedServerName())
		return made, nil
	case !in.nc.IsConnected():
		if why := in.nc.LastError(); why != nil {
			return nil, fmt.Errorf("%w: %w", ErrDisconnected, why)
		}
		return nil, ErrDisconnected
	}
	next, made, err := s.interruptible(ctx, w, in, all)
	if len(made) > 0 {
		s.session.CompareAndSwap(in, next)
	}
	return made, err
}

// interruptible is inspect, which does not go on waiting for an answer when the
// server says in another way why there will be none.
func (s *backend) interruptible(ctx context.Context, w Watch, in *session, all bool) (next *session, made []string, err error) {
	if w.Host == nil {
		return s.inspect(ctx, in, all)
	}
	attempt, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-w.Trouble:
			cancel()
		case <-attempt.Done():
		}
	}()
	next, made, err = s.inspect(attempt, in, all)
	if err == nil || ctx.Err() != nil {
		return next, made, err
	}
	if why := w.Host(); why != nil {
		return next, made, why
	}
	if attempt.Err() == nil {
		return next, made, err
	}
	next, again, err := s.inspect(ctx, next, all)
	return next, append(made, again...), err
}

// inspect looks at everything that lies on the server, and writes. made are
// the streams that it had to make.
func (s *backend) inspect(ctx context.Context, in *session, all bool) (next *session, made []string, err error) {
	_ = s.takeRefusal()
	next = &session{nc: in.nc, js: in.js, dialled: in.dialled, streams: maps.Clone(in.streams)}
	for _, p := range s.topology.parts() {
		stream, again, err := s.ensure(ctx, in, p.config, len(in.streams) == 0)
		if err != nil {
			return next, made, err
		}
		if again {
			made = append(made, p.holds)
		}
		next.streams[p.config.Name] = stream
		if !all && p.config.Name != s.topology.hints() {
			continue
		}
		subjects := p.checks[:1]
		if all {
			subjects = p.checks
		}
		for _, subject := range subjects {
			written, err := s.tryWrite(ctx, in, p, subject)
			if err == nil && all {
				err = s.tryRest(ctx, stream, p, subject, written)
			}
			if err != nil {
				return next, made, err
			}
		}
	}
	if err := s.tryAck(ctx, in); err != nil {
		return next, made, err
	}
	return next, made, s.inspectConsumers(ctx, next.streams[s.topology.hints()])
}

func (s *backend) ensure(ctx context.Context, in *session, want jetstream.StreamConfig, shape bool) (stream jetstream.Stream, made bool, err error) {
	err = s.manage(ctx, func(ctx context.Context, _ *session) error {
		stream, made, err = ensure(ctx, in.js, want, shape, func() error { return s.mayMake(in, want.Name) })
		return err
	})
	if err == nil {
		delete(s.missing, want.Name)
	}
	if err != nil && !strings.Contains(err.Error(), want.Name) {
		err = inStream(want.Name, err)
	}
	return stream, made, err
}

// mayMake fails while a stream that was there has not been missing for long.
func (s *backend) mayMake(in *session, name string) error {
	if in.streams[name] == nil {
		return nil // it never was there
	}
	since, known := s.missing[name]
	if !known {
		since = time.Now()
		s.missing[name] = since
	}
	if time.Since(since) < remakePause {
		return errors.New("it was deleted on the server, and is about to be made again")
	}
	return nil
}

// tryWrite stores a message that replaces the one before.
func (s *backend) tryWrite(ctx context.Context, in *session, p part, subject string) (sequence uint64, err error) {
	msg := nats.NewMsg(subject)
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	err = s.manage(ctx, func(ctx context.Context, _ *session) error {
		ack, err := in.js.PublishMsg(ctx, msg)
		if err == nil {
			sequence = ack.Sequence
		}
		return err
	})
	return sequence, inStream(p.config.Name, err)
}

// tryRest makes the other requests that the stream will get, so that a
// permission that is missing is known before it is needed.
func (s *backend) tryRest(ctx context.Context, stream jetstream.Stream, p part, subject string, written uint64) error {
	try := func(needed bool, f func(ctx context.Context) error) error {
		if !needed {
			return nil
		}
		return s.manage(ctx, func(ctx context.Context, _ *session) error { return f(ctx) })
	}
	return inStream(p.config.Name, cmp.Or(
		try(p.gets, func(ctx context.Context) error {
			_, err := stream.GetMsg(ctx, written)
			return err
		}),
		try(p.scans, func(ctx context.Context) error {
			consumer, err := stream.CreateConsumer(ctx, scanner(scanned{filter: subject, policy: jetstream.DeliverAllPolicy}))
			if err != nil {
				return err
			}
			batch, err := consumer.FetchNoWait(1)
			if err != nil {
				return err
			}
			for range batch.Messages() { // what is there is known
			}
			return cmp.Or(batch.Error(), stream.DeleteConsumer(ctx, consumer.CachedInfo().Name))
		}),
		try(p.erases, func(ctx context.Context) error {
			err := stream.SecureDeleteMsg(ctx, written)
			if isAPI(err) { // another daemon has replaced it
				return nil
			}
			return err
		}),
		try(p.purges, func(ctx context.Context) error { return stream.Purge(ctx, jetstream.WithPurgeSubject(subject)) }),
	))
}

// tryAck acknowledges what nobody waits for. Acks have no answer: without the
// permission every hint would come again, for ever.
func (s *backend) tryAck(ctx context.Context, in *session) error {
	s.acks++
	subject := fmt.Sprintf("$JS.ACK.%s.=.1.1.%d.0.0", s.topology.hints(), s.acks)
	err := s.manage(ctx, func(ctx context.Context, _ *session) error {
		if err := in.nc.Publish(subject, nil); err != nil {
			return err
		}
		return in.nc.FlushWithContext(ctx)
	})
	// A refusal comes before the answer to the flush, its handler maybe after.
	if said := in.nc.LastError(); err == nil && errors.Is(said, nats.ErrPermissionViolation) && strings.Contains(said.Error(), subject) {
		err = refusal(said)
	}
	return cmp.Or(s.takeRefusal(), err)
}

// inspectConsumers asks for the consumer of every place that is being read.
func (s *backend) inspectConsumers(ctx context.Context, stream jetstream.Stream) error {
	s.mu.Lock()
	reading := slices.Collect(maps.Keys(s.reading))
	s.mu.Unlock()
	for _, c := range reading {
		err := s.manage(ctx, func(ctx context.Context, _ *session) error {
			_, err := stream.Consumer(ctx, token(c.name))
			return err
		})
		if err != nil {
			c.look()
			return &consumerError{c.name, err}
		}
	}
	return nil
}

// A consumerError is a consumer that does not answer: hints are not read.
type consumerError struct {
	name string
	err  error
}

func (e *consumerError) Error() string { return fmt.Sprintf("consumer %q: %v", e.name, e.err) }
func (e *consumerError) Unwrap() error { return e.err }

// storing is what of a failure keeps things from being stored. A consumer that
// is missing does not: to make it again, its place is noted first.
func storing(failure error) error {
	var reading *consumerError
	if errors.As(failure, &reading) && errors.Is(failure, jetstream.ErrConsumerNotFound) {
		return nil
	}
	return failure
}

func inStream(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("stream %s: %w", name, err)
}

func isAPI(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api)
}
