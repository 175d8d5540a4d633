package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
)

func (h *hints) Consume(ctx context.Context, name string, source connectors.Collection, deliver func(engine.Hint)) (func(), error) {
	c := &consumption{
		hints: h, name: name, filter: h.topology.hintsOf(source), deliver: deliver,
		broken: make(chan struct{}, 1), done: make(chan struct{}), logger: h.logger.With("consumer", name),
	}
	live, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.live = live
	running, err := c.start(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("store: consume %s: %w", name, err)
	}
	h.server.mu.Lock()
	h.server.reading[c] = struct{}{}
	h.server.mu.Unlock()
	go c.supervise(running)
	return func() {
		h.server.mu.Lock()
		delete(h.server.reading, c)
		h.server.mu.Unlock()
		cancel()
		c.mu.Lock()
		c.stopped = true // from here on nothing is delivered, whatever is on its way
		c.mu.Unlock()
		<-c.done
	}, nil
}

// place finds or makes the durable consumer of a name. from, if not zero, is
// where a lost one goes on.
func (h *hints) place(ctx context.Context, name, filter string, from uint64) (jetstream.Consumer, error) {
	want := jetstream.ConsumerConfig{
		Durable:       token(name),
		Metadata:      map[string]string{metadataName: name},
		FilterSubject: filter,
		DeliverPolicy: jetstream.DeliverNewPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxAckPending: maxAckPending,
		MaxDeliver:    -1,
	}
	if from > 0 {
		want.DeliverPolicy, want.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	}
	consumer, err := h.server.consumer(ctx, h.stream, want.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return h.makeConsumer(ctx, want)
	}
	if err != nil {
		return nil, err
	}
	have := consumer.CachedInfo().Config
	if have.FilterSubject != filter {
		// The name reads another source now: what waits of the old one is not its business.
		if err := h.deleteConsumer(ctx, want.Durable); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil, err
		}
		return h.makeConsumer(ctx, want)
	}
	if have.AckWait != ackWait || have.MaxAckPending != maxAckPending {
		have.AckWait, have.MaxAckPending = ackWait, maxAckPending
		return h.updateConsumer(ctx, have)
	}
	return consumer, nil
}

// A consumption is one Consume under way.
type consumption struct {
	hints   *hints
	name    string
	filter  string
	deliver func(engine.Hint)
	logger  *slog.Logger
	live    context.Context // ends with the consumption
	broken  chan struct{}   // something is wrong with the subscription
	done    chan struct{}

	mu      sync.Mutex // held while delivering
	stopped bool
	last    uint64    // highest stream sequence delivered
	stream  time.Time // when the stream that it counts in was made
}

func (c *consumption) start(ctx context.Context) (jetstream.ConsumeContext, error) {
	stream, err := c.hints.server.info(ctx, c.hints.stream)
	if err != nil {
		return nil, err
	}
	from := c.next(stream)
	consumer, err := c.hints.place(ctx, c.name, c.filter, from)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.stream, c.last = stream.Created, max(c.last, consumer.CachedInfo().Delivered.Stream)
	c.mu.Unlock()
	return consumer.Consume(c.handle,
		jetstream.PullMaxMessages(1024),
		jetstream.PullExpiry(pullExpiry),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			c.logger.Debug("hints are held up", "error", err)
			c.hints.server.note(err)
			c.look()
		}))
}

// next is where a consumer that was lost goes on: after what was delivered, or
// with the first if the stream was lost as well and is another one now. Zero:
// none was read yet.
func (c *consumption) next(stream *jetstream.StreamInfo) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stream.IsZero() && !c.stream.Equal(stream.Created) {
		c.last = 0
		return 1
	}
	if c.stream.IsZero() {
		return 0
	}
	return c.last + 1
}

// look has the subscription looked at.
func (c *consumption) look() {
	select {
	case c.broken <- struct{}{}:
	default:
	}
}

// supervise outlives the subscription: a lost connection the client mends, a
// consumer that was deleted on the server is made again here.
func (c *consumption) supervise(running jetstream.ConsumeContext) {
	defer close(c.done)
	for {
		select {
		case <-c.live.Done():
			running.Stop()
			return
		case <-c.broken:
		case <-running.Closed():
		}
		if !c.ended(running) {
			continue
		}
		running.Stop()
		if running = c.restart(c.live); running == nil {
			return
		}
		c.hints.server.note(ErrDisconnected) // so that readiness comes back at once
		c.logger.Warn("reading hints ended (the consumer was deleted on the server, or the connection closed) and was begun again")
	}
}

// ended reports whether the subscription will deliver no more.
func (c *consumption) ended(running jetstream.ConsumeContext) bool {
	select {
	case <-running.Closed():
		return true
	default:
	}
	_, err := c.hints.server.consumer(c.live, c.hints.stream, token(c.name))
	if err != nil {
		c.logger.Debug("consumer does not answer", "error", err) // the check says so too
	}
	return errors.Is(err, jetstream.ErrConsumerNotFound)
}

// restart tries until it works; nil when ctx is done.
func (c *consumption) restart(ctx context.Context) jetstream.ConsumeContext {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		running, err := c.start(ctx)
		if err == nil {
			return running
		}
		if ctx.Err() != nil {
			return nil
		}
		c.logger.Warn("no hints: the consumer cannot be made", "error", err, "retry", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// handle holds a hint back while nothing could be kept of what it leads to.
func (c *consumption) handle(msg jetstream.Msg) {
	if !c.hints.server.stores(c.live) {
		return // it comes again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return // it comes again
	}
	hint, sequence, err := c.hints.hint(msg)
	if err != nil {
		c.logger.Warn("a hint that cannot be read was dropped", "subject", msg.Subject(), "error", err)
		c.hints.server.note(msg.Term())
		return
	}
	c.last = max(c.last, sequence)
	c.deliver(hint)
}

// hint turns a message into a hint. Acks are not confirmed: nothing rests on
// them, and one that is lost brings the hint again. That they are permitted at
// all the check finds out.
func (h *hints) hint(msg jetstream.Msg) (engine.Hint, uint64, error) {
	md, err := msg.Metadata()
	if err != nil {
		return engine.Hint{}, 0, err
	}
	ref, err := connectors.ParseRef(string(msg.Data()))
	if err != nil {
		return engine.Hint{}, 0, err
	}
	// Both are absent but in scheduled ones.
	slot, _ := url.PathUnescape(msg.Headers().Get(headerSlot))
	tries, _ := strconv.Atoi(msg.Headers().Get(headerTries))
	return engine.Hint{
		Ref:   ref,
		At:    md.Timestamp,
		Slot:  slot,
		Tries: tries,
		Ack:   func() { h.server.note(msg.Ack()) },
		Keep:  func() { h.server.note(msg.InProgress()) },
	}, md.Sequence.Stream, nil
}
