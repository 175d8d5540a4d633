package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Follow reads the journal from its end on. The client mends a connection that is lost,
// and goes on where it was.
func (j *journal) Follow(ctx context.Context, ref connectors.Ref, begun func(), take func([]byte) error) error {
	iter, err := j.readOn(ctx, ref)
	if err != nil {
		return fmt.Errorf("store: follow journal: %w", err)
	}
	defer iter.Stop()
	defer context.AfterFunc(ctx, iter.Stop)()
	begun()
	for {
		msg, err := iter.Next()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, jetstream.ErrNoHeartbeat): // it is being mended
			continue
		case err != nil:
			return fmt.Errorf("store: follow journal: %w", err)
		}
		if err := take(msg.Data()); err != nil {
			return err
		}
	}
}

// readOn reads what comes after the newest entry.
func (j *journal) readOn(ctx context.Context, ref connectors.Ref) (jetstream.MessagesContext, error) {
	info, err := j.server.info(ctx, j.stream)
	if err != nil {
		return nil, err
	}
	filter := j.topology.wholeJournal()
	if !ref.IsZero() {
		filter = j.topology.journal(ref)
	}
	var consumer jetstream.Consumer
	err = j.server.read(ctx, func(ctx context.Context, in *session) (err error) {
		consumer, err = in.streams[j.stream].OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: info.State.LastSeq + 1,
			InactiveThreshold: followIdle,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return consumer.Messages()
}
