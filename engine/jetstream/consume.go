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
	running, err := c.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: consume %s: %w", name, err)
	}
	live, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go c.supervise(live, running)
	return func() {
		c.mu.Lock()
		c.stopped = true // from here on nothing is delivered, whatever is on its way
		c.mu.Unlock()
		cancel()
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
	consumer, err := h.stream.Consumer(ctx, want.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return h.stream.CreateOrUpdateConsumer(ctx, want)
	}
	if err != nil {
		return nil, err
	}
	have := consumer.CachedInfo().Config
	if have.FilterSubject != filter {
		// The name reads another source now: what waits of the old one is not its business.
		if err := h.stream.DeleteConsumer(ctx, want.Durable); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil, err
		}
		return h.stream.CreateOrUpdateConsumer(ctx, want)
	}
	if have.AckWait != ackWait || have.MaxAckPending != maxAckPending {
		have.AckWait, have.MaxAckPending = ackWait, maxAckPending
		return h.stream.UpdateConsumer(ctx, have)
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
	broken  chan struct{} // something is wrong with the subscription
	done    chan struct{}

	mu      sync.Mutex // held while delivering
	stopped bool
	last    uint64 // highest stream sequence delivered
}

func (c *consumption) start(ctx context.Context) (jetstream.ConsumeContext, error) {
	c.mu.Lock()
	from := c.last
	c.mu.Unlock()
	if from > 0 {
		from++
	}
	consumer, err := c.hints.place(ctx, c.name, c.filter, from)
	if err != nil {
		return nil, err
	}
	return consumer.Consume(c.handle,
		jetstream.PullMaxMessages(1024),
		jetstream.PullExpiry(pullExpiry),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			c.logger.Debug("hints are held up", "error", err)
			select {
			case c.broken <- struct{}{}:
			default:
			}
		}))
}

// supervise outlives the subscription: a lost connection the client mends, a
// consumer that was deleted on the server is made again here.
func (c *consumption) supervise(ctx context.Context, running jetstream.ConsumeContext) {
	defer close(c.done)
	for {
		select {
		case <-ctx.Done():
			running.Stop()
			return
		case <-c.broken:
		}
		switch ended, err := c.ended(ctx, running); {
		case err != nil:
			c.logger.Debug("consumer does not answer", "error", err)
		case ended:
			running.Stop()
			if running = c.restart(ctx); running == nil {
				return
			}
			c.logger.Warn("the consumer had been deleted on the server and was made again")
		}
	}
}

// ended reports whether the subscription will deliver no more.
func (c *consumption) ended(ctx context.Context, running jetstream.ConsumeContext) (bool, error) {
	select {
	case <-running.Closed():
		return true, nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := c.hints.stream.Consumer(ctx, token(c.name))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return true, nil
	}
	return false, err
}

// restart tries until it works; nil when ctx is done.
func (c *consumption) restart(ctx context.Context) jetstream.ConsumeContext {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
		running, err := c.start(attempt)
		cancel()
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

func (c *consumption) handle(msg jetstream.Msg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return // it comes again
	}
	hint, sequence, err := read(msg)
	if err != nil {
		c.logger.Warn("a hint that cannot be read was dropped", "subject", msg.Subject(), "error", err)
		_ = msg.Term()
		return
	}
	c.last = max(c.last, sequence)
	c.deliver(hint)
}

// read turns a message into a hint. Acks are not confirmed: nothing rests on
// them, and one that is lost brings the hint again.
func read(msg jetstream.Msg) (engine.Hint, uint64, error) {
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
		Ack:   func() { _ = msg.Ack() },
		Keep:  func() { _ = msg.InProgress() },
	}, md.Sequence.Stream, nil
}
