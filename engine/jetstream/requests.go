package jetstream

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
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
