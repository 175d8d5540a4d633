package jetstream

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/engine/store"
)

// The requests that more than one part of the store makes.

func (s *backend) info(ctx context.Context, stream string) (info *jetstream.StreamInfo, err error) {
	err = s.read(ctx, func(ctx context.Context, in *session) error {
		info, err = in.streams[stream].Info(ctx)
		return err
	})
	return info, err
}

// erase removes one message and overwrites it.
func (s *backend) erase(ctx context.Context, stream string, sequence uint64) error {
	return s.write(ctx, func(ctx context.Context, in *session) error {
		return in.streams[stream].SecureDeleteMsg(ctx, sequence)
	})
}

// purge removes the messages of a subject.
func (s *backend) purge(ctx context.Context, stream, subject string) error {
	return s.write(ctx, func(ctx context.Context, in *session) error {
		return in.streams[stream].Purge(ctx, jetstream.WithPurgeSubject(subject))
	})
}

func (s *backend) consumer(ctx context.Context, stream, name string) (consumer jetstream.Consumer, err error) {
	err = s.read(ctx, func(ctx context.Context, in *session) error {
		consumer, err = in.streams[stream].Consumer(ctx, name)
		return err
	})
	return consumer, err
}

func (s *backend) consumerInfo(ctx context.Context, consumer jetstream.Consumer) (info *jetstream.ConsumerInfo, err error) {
	err = s.read(ctx, func(ctx context.Context, _ *session) error {
		info, err = consumer.Info(ctx)
		return err
	})
	return info, err
}

func (h *hints) makeConsumer(ctx context.Context, config jetstream.ConsumerConfig) (consumer jetstream.Consumer, err error) {
	err = h.server.manage(ctx, func(ctx context.Context, in *session) error {
		consumer, err = in.streams[h.stream].CreateOrUpdateConsumer(ctx, config)
		return err
	})
	return consumer, err
}

func (h *hints) updateConsumer(ctx context.Context, config jetstream.ConsumerConfig) (consumer jetstream.Consumer, err error) {
	err = h.server.manage(ctx, func(ctx context.Context, in *session) error {
		consumer, err = in.streams[h.stream].UpdateConsumer(ctx, config)
		return err
	})
	return consumer, err
}

func (h *hints) deleteConsumer(ctx context.Context, name string) error {
	return h.server.manage(ctx, func(ctx context.Context, in *session) error {
		return in.streams[h.stream].DeleteConsumer(ctx, name)
	})
}

// ends returns where the streams end, by what they hold. Of hints and marks it is
// seen elsewhere.
func (s *backend) ends(ctx context.Context) (map[string]store.Position, error) {
	ends := map[string]store.Position{}
	for _, p := range s.topology.parts() {
		if name := p.config.Name; name == s.topology.hints() || name == s.topology.bucketStream(marks) {
			continue
		}
		info, err := s.info(ctx, p.config.Name)
		if err != nil {
			return nil, fmt.Errorf("store: end of %s: %w", p.holds, err)
		}
		ends[p.holds] = endOf(info)
	}
	return ends, nil
}

// endOf tells a stream by when it was made.
func endOf(info *jetstream.StreamInfo) store.Position {
	return store.Position{Log: info.Created.UTC().Format(time.RFC3339Nano), Last: info.State.LastSeq}
}
