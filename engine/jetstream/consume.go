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
	"github.com/lockstep-sync/lockstep/engine/store"
)

func (h *hints) Consume(ctx context.Context, name string, source connectors.Collection, begin func(context.Context) (store.Position, error), deliver func(store.Hint)) (func(), error) {
	c := &consumption{
		hints: h, name: name, filter: h.topology.hintsOf(source), begin: begin, deliver: deliver,
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

// place finds the durable consumer, or makes it at the position that begin
// gives.
func (c *consumption) place(ctx context.Context) (jetstream.Consumer, error) {
	h := c.hints
	want := jetstream.ConsumerConfig{
		Durable:       token(c.name),
		Metadata:      map[string]string{metadataName: c.name},
		FilterSubject: c.filter,
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxAckPending: maxAckPending,
		MaxDeliver:    -1,
	}
	consumer, missing := h.server.consumer(ctx, h.stream, want.Durable)
	if missing != nil && !errors.Is(missing, jetstream.ErrConsumerNotFound) {
		return nil, missing
	}
	end, err := h.End(ctx) // after the consumer was asked, which is not ahead of it
	if err != nil {
		return nil, err
	}
	if missing == nil {
		info := consumer.CachedInfo()
		switch have := info.Config; {
		case have.FilterSubject != c.filter, info.Delivered.Stream > end.Last:
			// The name reads another source now, and what waits of the old one is
			// not its business; or the end of the stream was lost, and what takes
			// its place would count as delivered.
			if err := h.deleteConsumer(ctx, want.Durable); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
				return nil, err
			}
		case have.AckWait != ackWait || have.MaxAckPending != maxAckPending:
			have.AckWait, have.MaxAckPending = ackWait, maxAckPending
			return h.updateConsumer(ctx, have)
		default:
			return consumer, nil
		}
	}
	from, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	if end, err = h.End(ctx); err != nil {
		return nil, err
	}
	if from.In(end) && from.Last > 0 {
		want.DeliverPolicy, want.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from.Last+1
	}
	return h.makeConsumer(ctx, want)
}

// A consumption is one Consume under way.
type consumption struct {
	hints   *hints
	name    string
	filter  string
	begin   func(context.Context) (store.Position, error)
	deliver func(store.Hint)
	logger  *slog.Logger
	live    context.Context // ends with the consumption
	broken  chan struct{}   // something is wrong with the subscription
	done    chan struct{}

	mu      sync.Mutex // held while delivering
	stopped bool
}

func (c *consumption) start(ctx context.Context) (jetstream.ConsumeContext, error) {
	consumer, err := c.place(ctx)
	if err != nil {
		return nil, err
	}
	return consumer.Consume(c.handle,
		jetstream.PullMaxMessages(1024),
		jetstream.PullExpiry(pullExpiry),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			c.logger.Debug("hints are held up", "error", err)
			c.hints.server.note(err)
			c.look()
		}))
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
	hint, err := c.hints.hint(msg)
	if err != nil {
		c.logger.Warn("a hint that cannot be read was dropped", "subject", msg.Subject(), "error", err)
		c.hints.server.note(msg.Term())
		return
	}
	c.deliver(hint)
}

// hint turns a message into a hint. Acks are not confirmed: nothing rests on
// them, and one that is lost brings the hint again. That they are permitted at
// all the check finds out.
func (h *hints) hint(msg jetstream.Msg) (store.Hint, error) {
	md, err := msg.Metadata()
	if err != nil {
		return store.Hint{}, err
	}
	ref, err := connectors.ParseRef(string(msg.Data()))
	if err != nil {
		return store.Hint{}, err
	}
	// Both are absent but in scheduled ones.
	slot, _ := url.PathUnescape(msg.Headers().Get(headerSlot))
	tries, _ := strconv.Atoi(msg.Headers().Get(headerTries))
	return store.Hint{
		Ref:   ref,
		At:    md.Timestamp,
		Slot:  slot,
		Tries: tries,
		Ack:   func() { h.server.note(msg.Ack()) },
		Keep:  func() { h.server.note(msg.InProgress()) },
	}, nil
}
