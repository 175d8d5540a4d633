package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
)

const (
	// forgetAckWait makes the server hand out again, at once, what was handed
	// out and not acknowledged.
	forgetAckWait = time.Second
	// forgetLimit ends the wait for hints that another daemon holds: they are
	// in work there.
	forgetLimit = 10 * time.Second
)

// Forget takes every hint that is not acknowledged out of the consumer before
// it deletes it. The consumer's floor alone does not tell them: above it lie
// acknowledged ones too. If it fails half way, all is as before, but for the
// AckWait, which the next Consume puts right.
func (h *hints) Forget(ctx context.Context, name string, deadLetter func(connectors.Ref) error) error {
	refs, err := h.drain(ctx, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: forget %s: %w", name, err)
	}
	for _, ref := range refs {
		if err := deadLetter(ref); err != nil {
			return err
		}
	}
	if err := h.deleteConsumer(ctx, token(name)); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("store: forget %s: %w", name, err)
	}
	return nil
}

func (h *hints) drain(ctx context.Context, name string) ([]connectors.Ref, error) {
	consumer, err := h.server.consumer(ctx, h.stream, token(name))
	if err != nil {
		return nil, err
	}
	info := consumer.CachedInfo()
	if info.NumPending == 0 && info.NumAckPending == 0 {
		return nil, nil
	}
	config := info.Config
	config.AckWait, config.MaxAckPending = forgetAckWait, -1
	if consumer, err = h.updateConsumer(ctx, config); err != nil {
		return nil, err
	}
	var refs []connectors.Ref
	seen := map[connectors.Ref]bool{}
	deadline := time.Now().Add(forgetLimit)
	for time.Now().Before(deadline) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		info, err := h.server.consumerInfo(ctx, consumer)
		if err != nil {
			return nil, err
		}
		// A record has one live hint at most, so refs can be counted.
		if info.NumPending == 0 && info.NumAckPending <= len(refs) {
			break
		}
		batch, err := consumer.Fetch(scanBatch, jetstream.FetchMaxWait(forgetAckWait))
		if err != nil {
			return nil, err
		}
		before := len(refs)
		for msg := range batch.Messages() {
			hint, err := h.hint(msg)
			if err == nil && !seen[hint.Ref] {
				seen[hint.Ref] = true
				refs = append(refs, hint.Ref)
			}
		}
		if err := batch.Error(); err != nil && !errors.Is(err, jetstream.ErrNoMessages) {
			return nil, err
		}
		if len(refs) > before {
			deadline = time.Now().Add(forgetLimit)
		}
	}
	return refs, nil
}
