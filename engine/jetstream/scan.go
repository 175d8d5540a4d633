package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	scanBatch = 256
	// scanIdle is how long the server keeps the place of a reader that has
	// gone away, or that takes its time over one batch.
	scanIdle = 10 * time.Minute
	// followIdle is the same for a reader that waits for what comes: the client makes
	// its place again.
	followIdle = time.Minute
)

// scanned says which messages of a stream to read, and where to begin.
type scanned struct {
	filter string
	policy jetstream.DeliverPolicy
	from   uint64     // with DeliverByStartSequencePolicy
	since  *time.Time // with DeliverByStartTimePolicy
}

// errEnough ends a scan without an error.
var errEnough = errors.New("enough")

// scanner returns the consumer of one scan.
func scanner(what scanned) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		FilterSubject:     what.filter,
		DeliverPolicy:     what.policy,
		OptStartSeq:       what.from,
		OptStartTime:      what.since,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: scanIdle,
		MemoryStorage:     true,
		Replicas:          1,
	}
}

// scan calls f for the messages that are there, in their order, at the pace
// of f, until f fails.
func (s *backend) scan(ctx context.Context, stream string, what scanned, f func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	var consumer jetstream.Consumer
	err := s.read(ctx, func(ctx context.Context, in *session) (err error) {
		consumer, err = in.streams[stream].CreateConsumer(ctx, scanner(what))
		return err
	})
	if err != nil {
		return err
	}
	defer func() {
		// Also when ctx is done; what stays behind the server removes itself.
		_ = s.read(context.WithoutCancel(ctx), func(ctx context.Context, in *session) error {
			return in.streams[stream].DeleteConsumer(ctx, consumer.CachedInfo().Name)
		})
	}()
	pending := consumer.CachedInfo().NumPending
	for pending > 0 {
		batch, err := consumer.FetchNoWait(scanBatch)
		if err != nil {
			return err
		}
		got := false
		for msg := range batch.Messages() {
			got = true
			md, err := msg.Metadata()
			if err != nil {
				err = fmt.Errorf("message without metadata: %w", err)
			} else {
				pending = md.NumPending
				err = f(msg, md)
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				for range batch.Messages() { // what fetches them ends only then
				}
				if errors.Is(err, errEnough) {
					return nil
				}
				return err
			}
		}
		if err := batch.Error(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !got { // the rest was removed meanwhile, or is on its way
			info, err := s.consumerInfo(ctx, consumer)
			if err != nil {
				return err
			}
			pending = info.NumPending
		}
	}
	return nil
}
