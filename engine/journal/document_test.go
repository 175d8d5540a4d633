package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// TestEntriesOfOtherVersions: those of an older build are read; a damaged one and
// one of a newer build are passed over and reported, whatever asks.
func TestEntriesOfOtherVersions(t *testing.T) {
	ctx, clock := t.Context(), store.SystemClock{}
	log := memory.New(clock).Journal
	warnings := store.NewWarnings(clock, slog.New(slog.DiscardHandler))
	k := &journal.Journal{Log: log, Logger: slog.New(slog.DiscardHandler), Warnings: warnings}
	ref := connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}.Ref("01A")
	for _, document := range []string{
		fmt.Sprintf(`{"at":"2026-01-02T03:04:05Z","generation":"g","commit":"","route":"r","record":%q,"template":"t","action":"create","reason":"","error":"","writes":["title"]}`, ref),
		`{"v":1,"at":`,
		fmt.Sprintf(`{"v":99,"route":"r","record":%q,"action":"none"}`, ref),
	} {
		if err := log.Append(ctx, ref, []byte(document)); err != nil {
			t.Fatal(err)
		}
	}
	shown, err := k.Decisions(ctx, ref, 0)
	if err != nil {
		t.Fatal(err)
	}
	var exported []json.RawMessage
	err = k.Export(ctx, time.Time{}, func(string) bool { return true }, func(entry []byte) error {
		exported = append(exported, entry)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// Whoever decides again by an export is to know that it lacks something.
	if len(exported) != 3 || string(exported[1]) != `{"unreadable":true}` || string(exported[2]) != `{"unreadable":true}` {
		t.Fatalf("exported: %s", exported)
	}
	for _, all := range [][]json.RawMessage{shown, exported[:1]} {
		var entry journal.Entry
		if len(all) != 1 || json.Unmarshal(all[0], &entry) != nil || entry.Record != ref || entry.Action != "create" || len(entry.Writes) != 1 {
			t.Errorf("entries: %s", all)
		}
	}
	if said := warnings.All(); len(said) != 1 || !strings.Contains(said[0].Message, "2 of the journal's entries cannot be read") {
		t.Errorf("warnings: %+v", said)
	}
}

// TestExportHoldsOneEntry: each entry is written before the next is asked for, however many
// there are.
func TestExportHoldsOneEntry(t *testing.T) {
	log := &paced{Journal: memory.New(store.SystemClock{}).Journal}
	ref := connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}.Ref("01A")
	const many = 1000
	for i := range many {
		if err := log.Append(t.Context(), ref, []byte(fmt.Sprintf(`{"at":"2026-01-02T03:04:05Z","route":"r%d","record":%q,"template":"t","action":"create"}`, i, ref))); err != nil {
			t.Fatal(err)
		}
	}
	k := &journal.Journal{Log: log, Logger: slog.New(slog.DiscardHandler), Warnings: store.NewWarnings(store.SystemClock{}, slog.New(slog.DiscardHandler))}
	written := 0
	err := k.Export(t.Context(), time.Time{}, func(string) bool { return true }, func([]byte) error {
		if written++; written != log.read {
			t.Fatalf("%d entries were read when the %dth was written", log.read, written)
		}
		return nil
	})
	if err != nil || written != many {
		t.Errorf("%d of %d were written: %v", written, many, err)
	}
}

// paced is a journal that counts the entries it has handed over, and reads none at once.
type paced struct {
	store.Journal
	read int
}

func (p *paced) Read(context.Context, connectors.Ref, time.Time, int) ([][]byte, error) {
	return nil, errors.New("all were asked for at once")
}

func (p *paced) Scan(ctx context.Context, since time.Time, f func([]byte) error) error {
	return p.Journal.Scan(ctx, since, func(entry []byte) error {
		p.read++
		return f(entry)
	})
}
