package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// hints is one stream. A hint's payload is its ref as text, since the token of
// a very long id does not tell it.
type hints struct {
	topology topology
	server   *backend
	stream   string
	logger   *slog.Logger
	clock    store.Clock
	wakes    wakes
}

// Add lets the server drop a delivery that it has seen. The server forgets
// deliveries of replaced hints when it restarts; a hint too many costs a look.
func (h *hints) Add(ctx context.Context, ref connectors.Ref, delivery string) error {
	var opts []jetstream.PublishOpt
	if delivery != "" {
		// One delivery may be about several records.
		opts = append(opts, jetstream.WithMsgID(token(delivery)+"/"+token(ref.String())))
	}
	msg := &nats.Msg{Subject: h.topology.hint(ref), Data: []byte(ref.String())}
	if _, err := h.server.publish(ctx, msg, opts...); err != nil {
		return fmt.Errorf("store: add hint: %w", err)
	}
	return nil
}

func (h *hints) AddAt(ctx context.Context, slot string, ref connectors.Ref, at time.Time, tries int) error {
	msg := &nats.Msg{
		Subject: h.topology.retry(slot),
		Header:  scheduled(slot, tries),
		Data:    []byte(ref.String()),
	}
	// The server takes whole RFC 3339 and fires what is past at once. Rounded
	// up: a hint that comes early is one that is not due yet.
	due := at.UTC().Add(time.Second - 1).Truncate(time.Second)
	ack, err := h.server.publish(ctx, msg, jetstream.WithScheduleAt(due), jetstream.WithScheduleTarget(h.topology.hint(ref)))
	if err != nil {
		return fmt.Errorf("store: schedule hint: %w", err)
	}
	h.wakes.set(slot, max(at.Sub(h.clock.Now()), 0)+wakeSlack, func() { h.wake(slot, ack.Sequence, ref, tries) })
	return nil
}

func (h *hints) Names(ctx context.Context) ([]string, error) {
	var names []string
	err := h.server.read(ctx, func(ctx context.Context, in *session) error {
		names = nil
		list := in.streams[h.stream].ListConsumers(ctx)
		for info := range list.Info() {
			if name, ours := info.Config.Metadata[metadataName]; ours {
				names = append(names, name)
			}
		}
		return list.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("store: list consumers: %w", err)
	}
	return names, nil
}

// End is told by when the stream was made, and its last sequence.
func (h *hints) End(ctx context.Context) (store.Position, error) {
	info, err := h.server.info(ctx, h.stream)
	if err != nil {
		return store.Position{}, fmt.Errorf("store: end of hints: %w", err)
	}
	return endOf(info), nil
}

func (h *hints) Position(ctx context.Context, name string) (store.Position, error) {
	at, err := h.End(ctx) // before the consumer is asked: what is added since counts as pending
	if err != nil {
		return store.Position{}, err
	}
	consumer, err := h.server.consumer(ctx, h.stream, token(name))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return store.Position{}, store.ErrNotFound
	}
	if err != nil {
		return store.Position{}, fmt.Errorf("store: place of %s: %w", name, err)
	}
	if info := consumer.CachedInfo(); info.NumPending > 0 || info.NumAckPending > 0 {
		at.Last = min(at.Last, info.AckFloor.Stream)
	}
	return at, nil
}

func (h *hints) Backlog(ctx context.Context, name string) (int, time.Time, error) {
	consumer, err := h.server.consumer(ctx, h.stream, token(name))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("store: backlog of %s: %w", name, err)
	}
	info := consumer.CachedInfo()
	pending := info.NumAckPending + int(info.NumPending)
	if pending == 0 {
		return 0, time.Time{}, nil
	}
	// Nothing below the floor waits; with nothing in work, nothing delivered does.
	from := info.AckFloor.Stream + 1
	if info.NumAckPending == 0 {
		from = info.Delivered.Stream + 1
	}
	var msg *jetstream.RawStreamMsg
	err = h.server.read(ctx, func(ctx context.Context, in *session) error {
		msg, err = in.streams[h.stream].GetMsg(ctx, from, jetstream.WithGetMsgSubject(info.Config.FilterSubject))
		return err
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) { // acknowledged or replaced in between
		return pending, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("store: backlog of %s: %w", name, err)
	}
	return pending, msg.Time, nil
}
