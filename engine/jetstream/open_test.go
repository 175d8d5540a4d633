package jetstream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/jetstream"
)

func TestOpen(t *testing.T) {
	ctx := t.Context()
	s := serve(t, t.TempDir())
	js := raw(t, s)
	shape := func(prefix string) map[string]natsjs.StreamConfig {
		t.Helper()
		open(t, s, jetstream.Options{Prefix: prefix})
		streams := map[string]natsjs.StreamConfig{}
		list := js.ListStreams(ctx)
		for info := range list.Info() {
			if strings.Contains(info.Config.Name, prefix+"_") {
				streams[info.Config.Name] = info.Config
			}
		}
		check(t, list.Err())
		return streams
	}
	first := shape("acme")
	var names []string
	for _, name := range []string{"acme_hints", "KV_acme_links", "KV_acme_targets", "KV_acme_dead", "KV_acme_marks", "acme_journal"} {
		if _, ok := first[name]; !ok {
			t.Errorf("there is no stream %s", name)
		}
		names = append(names, name)
	}
	if len(first) != len(names) {
		t.Errorf("%d streams, want %d", len(first), len(names))
	}
	hints := first["acme_hints"]
	if hints.MaxMsgsPerSubject != 1 || hints.Discard != natsjs.DiscardOld || hints.DiscardNewPerSubject || !hints.AllowMsgSchedules ||
		hints.Duplicates != 24*time.Hour || hints.Storage != natsjs.FileStorage || hints.MaxAge != 0 {
		t.Errorf("hints are %+v", hints)
	}
	if diff := cmp.Diff(first, shape("acme")); diff != "" {
		t.Errorf("opening again changes (-first +again):\n%s", diff)
	}

	updates, err := js.Conn().SubscribeSync("$JS.EVENT.ADVISORY.STREAM.UPDATED.>")
	check(t, err)
	shape("acme")
	check(t, js.Conn().Flush())
	if n, _, err := updates.Pending(); err != nil || n != 0 {
		t.Errorf("opening again updates %d streams, %v", n, err)
	}

	// Settings that lockstep depends on come back, an operator's own stay.
	hints.Duplicates = time.Minute
	hints.MaxMsgsPerSubject = 3
	hints.Description = "ours"
	_, err = js.UpdateStream(ctx, hints)
	check(t, err)
	journal := first["acme_journal"]
	journal.MaxAge = 24 * time.Hour
	_, err = js.UpdateStream(ctx, journal)
	check(t, err)
	again := shape("acme")
	if got := again["acme_hints"]; got.Duplicates != 24*time.Hour || got.MaxMsgsPerSubject != 1 || got.Description != "ours" {
		t.Errorf("hints are %+v", got)
	}
	if got := again["acme_journal"].MaxAge; got != 24*time.Hour {
		t.Errorf("the journal is kept for %v", got)
	}
}

func TestPrefixesAreApart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, t.TempDir())
		a, b := open(t, s, jetstream.Options{Prefix: "a"}).Engine(), open(t, s, jetstream.Options{Prefix: "b"}).Engine()
		fill(t, a)
		names, err := b.Hints.Names(t.Context())
		check(t, err)
		entries, err := b.Journal.Read(t.Context(), connectors.Ref{}, time.Time{}, 0)
		check(t, err)
		if len(names) > 0 || len(entries) > 0 {
			t.Errorf("b sees %v and %d entries", names, len(entries))
		}
		fill(t, b)
		full(t, a)
	})
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		foreign natsjs.StreamConfig
		opts    jetstream.Options
		want    string
	}{
		{name: "prefix", opts: jetstream.Options{Prefix: "a.b"}, want: `prefix "a.b": expected at most 64 letters, digits, _ and -`},
		{name: "replicas", opts: jetstream.Options{Replicas: 6}, want: "6 replicas: expected 1 to 5"},
		{name: "subjects", foreign: natsjs.StreamConfig{Name: "lockstep_hints", Subjects: []string{"orders.>"}}, want: "stream lockstep_hints exists and is not lockstep's: its subjects are"},
		{
			name: "storage", foreign: natsjs.StreamConfig{Name: "lockstep_journal", Subjects: []string{"lockstep.journal.>"}, Storage: natsjs.MemoryStorage},
			want: "stream lockstep_journal exists and is not lockstep's: its storage is Memory where File was expected",
		},
		{name: "retention", foreign: natsjs.StreamConfig{Name: "lockstep_hints", Subjects: []string{"lockstep.hints.>", "lockstep.retry.>"}, Retention: natsjs.WorkQueuePolicy}, want: "its retention is"},
		{
			name: "deletes", foreign: natsjs.StreamConfig{Name: "KV_lockstep_dead", Subjects: []string{"$KV.lockstep_dead.>"}, MaxMsgsPerSubject: 1, DenyDelete: true},
			want: "it does not let messages be removed",
		},
		{name: "overlap", foreign: natsjs.StreamConfig{Name: "other", Subjects: []string{"lockstep.>"}}, want: "stream lockstep_hints: "},
		{name: "cluster", opts: jetstream.Options{Replicas: 3}, want: "stream lockstep_hints: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, t.TempDir())
			if c.foreign.Name != "" {
				_, err := raw(t, s).CreateStream(t.Context(), c.foreign)
				check(t, err)
			}
			_, err := jetstream.Open(t.Context(), dial(t, s), c.opts)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
