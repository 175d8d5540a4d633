package jetstream

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// Everything that lies on the server, and how long:
//
//	stream PREFIX_hints       PREFIX.hints.TYPE.NAME.RECORD.ID  newest per record, for good
//	                          PREFIX.retry.SLOT                 scheduled hints, until they fire
//	  a durable consumer per name, filtered on PREFIX.hints.TYPE.NAME.RECORD.*
//	bucket PREFIX_links       newest per key, for good
//	bucket PREFIX_targets     likewise
//	bucket PREFIX_dead        likewise
//	bucket PREFIX_marks       likewise
//	stream PREFIX_journal     PREFIX.journal.TYPE.NAME.RECORD.ID  90 days, at most 1 GiB
//
// Parts of refs, slots, keys and names are encoded by token. What check writes
// lies beside them, where nobody reads it: PREFIX.hints._check.write, and so on.
const (
	defaultPrefix = "lockstep"

	deliveryMemory = 24 * time.Hour // a delivery id has no second effect within
	journalAge     = 90 * 24 * time.Hour
	journalBytes   = 1 << 30

	ackWait       = store.HintWait
	maxAckPending = 4096
	// pullExpiry is how long the server may hand hints to a reader that does
	// not ask again: a machine that is gone closes no connection. What it was
	// handed at the end comes again, all in all, within ten seconds.
	pullExpiry = 3 * time.Second

	// metadataName of a consumer is the name that it keeps the place of.
	metadataName = "lockstep.name"
	// headerSlot and headerTries travel with a scheduled hint. The server hands
	// every header on to the message that fires, but for its own
	// Nats-Schedule-*, Nats-Expected-* and Nats-Msg-Id.
	headerSlot  = "Lockstep-Slot" // percent-encoded
	headerTries = "Lockstep-Tries"
)

// The buckets.
const (
	links   = "links"
	targets = "targets"
	dead    = "dead"
	marks   = "marks"
)

var validPrefix = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// topology names everything under one prefix.
type topology struct {
	prefix   string
	replicas int // 0: one at creation, and as it is later
}

func newTopology(prefix string, replicas int) (topology, error) {
	if prefix == "" {
		prefix = defaultPrefix
	}
	if !validPrefix.MatchString(prefix) {
		return topology{}, fmt.Errorf("prefix %q: expected at most 64 letters, digits, _ and -", prefix)
	}
	if replicas < 0 || replicas > 5 {
		return topology{}, fmt.Errorf("%d replicas: expected 1 to 5", replicas)
	}
	return topology{prefix: prefix, replicas: replicas}, nil
}

func (t topology) hint(ref connectors.Ref) string {
	return t.prefix + ".hints." + record(ref)
}

func (t topology) hintsOf(c connectors.Collection) string {
	return t.prefix + ".hints." + collection(c) + ".*"
}

func (t topology) retry(slot string) string {
	return t.prefix + ".retry." + token(slot)
}

func (t topology) journal(ref connectors.Ref) string {
	return t.prefix + ".journal." + record(ref)
}

func (t topology) wholeJournal() string { return t.prefix + ".journal.*.*.*.*" }

func (t topology) bucket(name string) string { return t.prefix + "_" + name }

// key is the subject of a key of a bucket, given its token.
func (t topology) key(bucket, tok string) string { return "$KV." + t.bucket(bucket) + "." + tok }

// The names of the streams.
func (t topology) hints() string                     { return t.prefix + "_hints" }
func (t topology) journals() string                  { return t.prefix + "_journal" }
func (t topology) bucketStream(bucket string) string { return "KV_" + t.bucket(bucket) }

// A part is one stream, what it holds in an operator's words, the subjects that
// checks write to, and what else is asked of the stream.
type part struct {
	config jetstream.StreamConfig
	holds  string
	checks []string

	gets, scans, erases, purges bool
}

func (t topology) parts() []part {
	const check = "_check.write"
	bucket := func(name, description, holds string) part {
		return part{
			config: t.bucketConfig(name, description), holds: holds, checks: []string{t.key(name, check)},
			gets: true, scans: true, erases: true,
		}
	}
	return []part{
		{
			config: t.hintsStream(), holds: "records that waited to be looked at",
			checks: []string{t.prefix + ".hints." + check, t.prefix + ".retry." + check}, gets: true,
		},
		bucket(links, "pairs of records that are kept in step", "links (which ticket belongs to which record)"),
		bucket(targets, "index from target to link", "the index of tickets"),
		bucket(dead, "what could not be carried out", "dead letters"),
		bucket(marks, "poll cursors and decided versions", "poll cursors, and what was decided without a ticket"),
		{
			config: t.journalStream(), holds: "the journal of decisions", checks: []string{t.prefix + ".journal." + check},
			scans: true, erases: true, purges: true,
		},
	}
}

func collection(c connectors.Collection) string {
	return strings.Join([]string{token(c.Type), token(c.Connector), token(c.Record)}, ".")
}

func record(ref connectors.Ref) string { return collection(ref.Collection) + "." + token(ref.ID) }

func (t topology) hintsStream() jetstream.StreamConfig {
	return t.newestOnly(jetstream.StreamConfig{
		Name:        t.hints(),
		Description: "records that may have changed, the newest hint of each",
		Subjects:    []string{t.prefix + ".hints.>", t.prefix + ".retry.>"},
		Duplicates:  deliveryMemory,
		// Discarding the old is what lets a hint arrive while the older one is in work.
		AllowMsgSchedules: true,
		AllowRollup:       true,
	})
}

// bucketConfig returns a KV bucket as the nats command knows it. AllowDirect is
// off, so that reads are answered by the leader and never stale; DenyDelete
// too, because a delete removes and overwrites the message itself, which
// leaves no marker.
func (t topology) bucketConfig(name, description string) jetstream.StreamConfig {
	return t.newestOnly(jetstream.StreamConfig{
		Name:        t.bucketStream(name),
		Description: description,
		Subjects:    []string{t.key(name, ">")},
		AllowRollup: true,
	})
}

func (t topology) journalStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        t.journals(),
		Description: "what was decided and written",
		Subjects:    []string{t.prefix + ".journal.>"},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		MaxAge:      journalAge,
		MaxBytes:    journalBytes,
		AllowDirect: true,
		AllowRollup: true,
		Replicas:    t.replicas,
	}
}

func (t topology) newestOnly(c jetstream.StreamConfig) jetstream.StreamConfig {
	c.Storage, c.Retention, c.Discard = jetstream.FileStorage, jetstream.LimitsPolicy, jetstream.DiscardOld
	c.MaxMsgsPerSubject = 1
	c.Replicas = t.replicas
	return c
}

// ensure creates the stream or brings an existing one into shape. What an
// operator may have set on it and lockstep does not depend on (placement,
// size and age limits, compression) stays as it is. made is true where there
// was none. Without shape one that is there is only looked at: two daemons that
// want different settings must not change them to and fro. may is asked before one
// is created.
func ensure(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, shape bool, may func() error) (stream jetstream.Stream, made bool, err error) {
	stream, err = js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err := may(); err != nil {
			return nil, false, fmt.Errorf("stream %s: %w", want.Name, err)
		}
		create := want
		create.Replicas = max(1, want.Replicas)
		stream, err = js.CreateStream(ctx, create)
		made = err == nil
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another daemon was faster
			stream, err = js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("stream %s: %w", want.Name, err)
	}
	have := stream.CachedInfo().Config
	if what := misfit(have, want); what != "" {
		return nil, false, fmt.Errorf("stream %s exists and is not lockstep's: %s; use another prefix, or remove the stream", want.Name, what)
	}
	if !shape {
		return stream, made, nil
	}
	next := have
	if max(0, have.MaxMsgsPerSubject) != want.MaxMsgsPerSubject { // -1 is what the server makes of 0
		next.MaxMsgsPerSubject = want.MaxMsgsPerSubject
	}
	next.Discard, next.DiscardNewPerSubject = want.Discard, false
	next.AllowDirect = want.AllowDirect
	next.AllowRollup = have.AllowRollup || want.AllowRollup
	next.AllowMsgSchedules = have.AllowMsgSchedules || want.AllowMsgSchedules
	if want.Duplicates > 0 {
		next.Duplicates = want.Duplicates
	}
	if want.Replicas > 0 {
		next.Replicas = want.Replicas
	}
	if !sameConfig(have, next) {
		if stream, err = js.UpdateStream(ctx, next); err != nil {
			return nil, false, fmt.Errorf("stream %s exists and cannot be brought into shape: %w", want.Name, err)
		}
	}
	// A server that does not know a setting leaves it out without a word.
	if want.AllowMsgSchedules && !stream.CachedInfo().Config.AllowMsgSchedules {
		return nil, false, fmt.Errorf("stream %s: the NATS server (version %s) knows no scheduled messages; lockstep needs 2.12 or later",
			want.Name, js.Conn().ConnectedServerVersion())
	}
	return stream, made, nil
}

// misfit says what about a stream can never be made to fit.
func misfit(have, want jetstream.StreamConfig) string {
	switch {
	case !slices.Equal(have.Subjects, want.Subjects):
		return fmt.Sprintf("its subjects are %q where %q was expected", have.Subjects, want.Subjects)
	case have.Storage != want.Storage:
		return fmt.Sprintf("its storage is %s where %s was expected", have.Storage, want.Storage)
	case have.Retention != want.Retention:
		return fmt.Sprintf("its retention is %s where %s was expected", have.Retention, want.Retention)
	case have.Mirror != nil || len(have.Sources) > 0:
		return "it copies another stream"
	case have.Sealed || have.DenyDelete || have.DenyPurge:
		return "it does not let messages be removed"
	case have.MaxMsgsPerSubject != want.MaxMsgsPerSubject && have.MaxMsgsPerSubject > 0 && have.MaxMsgsPerSubject < want.MaxMsgsPerSubject:
		return "it keeps too few messages of a subject"
	default:
		return ""
	}
}

// sameConfig compares what ensure may have changed.
func sameConfig(a, b jetstream.StreamConfig) bool {
	return a.MaxMsgsPerSubject == b.MaxMsgsPerSubject && a.Discard == b.Discard &&
		a.DiscardNewPerSubject == b.DiscardNewPerSubject && a.AllowDirect == b.AllowDirect &&
		a.AllowRollup == b.AllowRollup && a.AllowMsgSchedules == b.AllowMsgSchedules &&
		a.Duplicates == b.Duplicates && a.Replicas == b.Replicas
}
