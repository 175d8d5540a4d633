package deadletter_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
)

type counter struct{}

func (counter) DeadLettered(string, string) {}

// TestOneThatCannotBeReadHidesNoOther: letters of an older build are read, one of
// a newer build and a damaged one are passed over and reported.
func TestOneThatCannotBeReadHidesNoOther(t *testing.T) {
	ctx, clock := t.Context(), store.SystemClock{}
	bucket, log := memory.New(clock).Dead, slog.New(slog.DiscardHandler)
	warnings := store.NewWarnings(clock, log)
	letters := deadletter.New(bucket, clock, log, counter{}, warnings)
	ref := connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}.Ref("01A")
	if err := letters.Put(ctx, deadletter.Letter{Route: "r", Record: ref, Reason: deadletter.ReasonRejected, Field: "title", Message: "no"}, false); err != nil {
		t.Fatal(err)
	}
	for key, document := range map[string]string{
		"older":   fmt.Sprintf(`{"id":"older","route":"r","record":%q,"reason":"value","field":"detail","message":"no","at":"2026-01-02T03:04:05Z"}`, ref),
		"newer":   fmt.Sprintf(`{"v":99,"route":"r","record":%q,"reason":"value"}`, ref),
		"damaged": `{"v":1,"route":`,
	} {
		if _, err := bucket.Put(ctx, key, []byte(document)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := letters.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Field != "title" || all[1].ID != "older" || all[1].Record != ref {
		t.Errorf("listed %+v", all)
	}
	said := warnings.All()
	if len(said) != 1 || !strings.Contains(said[0].Message, "2 of the stored dead letters cannot be read") {
		t.Errorf("warnings %+v", said)
	}
	if err := letters.Drop(ctx, "damaged"); err != nil {
		t.Errorf("drop of one that cannot be read: %v", err)
	}
}
