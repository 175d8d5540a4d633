package jetstream

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
)

// journal is one stream, read forwards: the server has no way back.
type journal struct {
	topology topology
	server   *backend
	stream   string
}

func (j *journal) Append(ctx context.Context, ref connectors.Ref, entry []byte) error {
	if _, err := j.server.publish(ctx, &nats.Msg{Subject: j.topology.journal(ref), Data: entry}); err != nil {
		return fmt.Errorf("store: append to journal: %w", err)
	}
	return nil
}

func (j *journal) Read(ctx context.Context, ref connectors.Ref, since time.Time, limit int) ([][]byte, error) {
	var newest [][]byte
	var err error
	if ref.IsZero() && limit > 0 {
		newest, err = j.tail(ctx, since, limit)
	} else {
		newest, err = j.forwards(ctx, ref, since, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("store: read journal: %w", err)
	}
	return newest, nil
}

// forwards reads everything since, keeps the last limit entries and turns
// them round.
func (j *journal) forwards(ctx context.Context, ref connectors.Ref, since time.Time, limit int) ([][]byte, error) {
	filter := j.topology.wholeJournal()
	if !ref.IsZero() {
		filter = j.topology.journal(ref)
	}
	var entries [][]byte
	err := j.each(ctx, filter, since, func(entry []byte) error {
		entries = append(entries, entry)
		if limit > 0 && len(entries) >= 2*limit {
			entries = slices.Delete(entries, 0, len(entries)-limit)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if limit > 0 && len(entries) > limit {
		entries = entries[len(entries)-limit:]
	}
	slices.Reverse(entries)
	return entries, nil
}

// Scan reads at the pace of f.
func (j *journal) Scan(ctx context.Context, since time.Time, f func(entry []byte) error) error {
	if err := j.each(ctx, j.topology.wholeJournal(), since, f); err != nil {
		return fmt.Errorf("store: read journal: %w", err)
	}
	return nil
}

// each calls f for the entries under a subject that were stored at since or later.
func (j *journal) each(ctx context.Context, filter string, since time.Time, f func(entry []byte) error) error {
	what := scanned{filter: filter, policy: jetstream.DeliverAllPolicy}
	if !since.IsZero() {
		what.policy, what.since = jetstream.DeliverByStartTimePolicy, &since
	}
	return j.server.scan(ctx, j.stream, what, func(msg jetstream.Msg, md *jetstream.MsgMetadata) error {
		if md.Timestamp.Before(since) {
			return nil
		}
		return f(msg.Data())
	})
}

// tail reads windows of sequences from the end of the journal towards its
// beginning, each wider than the one before, until it has enough.
func (j *journal) tail(ctx context.Context, since time.Time, limit int) ([][]byte, error) {
	info, err := j.server.info(ctx, j.stream)
	if err != nil {
		return nil, err
	}
	var newest [][]byte
	first, end := info.State.FirstSeq, info.State.LastSeq // end: last one not read yet
	window := uint64(limit)
	for end >= first && end > 0 && len(newest) < limit {
		begin := first
		if end-first >= window {
			begin = end - window + 1
		}
		var entries [][]byte
		older := false // an entry from before since: nothing further down counts
		what := scanned{filter: j.topology.wholeJournal(), policy: jetstream.DeliverByStartSequencePolicy, from: begin}
		err := j.server.scan(ctx, j.stream, what, func(msg jetstream.Msg, md *jetstream.MsgMetadata) error {
			switch {
			case md.Sequence.Stream > end:
				return errEnough
			case md.Timestamp.Before(since):
				older = true
			default:
				entries = append(entries, msg.Data())
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		slices.Reverse(entries)
		newest = append(newest, entries...)
		if older || begin <= 1 {
			break
		}
		end, window = begin-1, 2*window
	}
	return newest[:min(len(newest), limit)], nil
}

// Purge overwrites the entries one by one, for they may hold contents that
// have become private; a purge by subject would leave them in the file until
// their block is compacted.
func (j *journal) Purge(ctx context.Context, ref connectors.Ref) error {
	subject := j.topology.journal(ref)
	var sequences []uint64
	err := j.server.scan(ctx, j.stream, scanned{filter: subject, policy: jetstream.DeliverAllPolicy}, func(_ jetstream.Msg, md *jetstream.MsgMetadata) error {
		sequences = append(sequences, md.Sequence.Stream)
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: purge journal: %w", err)
	}
	for _, sequence := range sequences {
		// One that is gone already is not worth an error; what stays, the purge
		// below removes or reports.
		_ = j.server.erase(ctx, j.stream, sequence)
	}
	if err := j.server.purge(ctx, j.stream, subject); err != nil {
		return fmt.Errorf("store: purge journal: %w", err)
	}
	return nil
}
