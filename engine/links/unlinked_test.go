package links_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// TestUnlinkedVersions: what an older build remembered is read; what a newer one
// did is that record's trouble, and no other's.
func TestUnlinkedVersions(t *testing.T) {
	ctx, clock := t.Context(), store.SystemClock{}
	kept := memory.New(clock)
	repo := links.NewRepository(kept, clock, store.NewWarnings(clock, slog.New(slog.DiscardHandler)))
	c := connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}
	now, older, newer := c.Ref("now"), c.Ref("older"), c.Ref("newer")
	if err := repo.SaveUnlinked(ctx, "r", now, links.Unlinked{Version: "3", Parent: older}); err != nil {
		t.Fatal(err)
	}
	for ref, document := range map[connectors.Ref]string{older: `{"version":"2","failed":true}`, newer: `{"v":99}`} {
		if _, err := kept.State.Put(ctx, "decided/r/"+ref.String(), []byte(document)); err != nil {
			t.Fatal(err)
		}
	}
	for ref, want := range map[connectors.Ref]links.Unlinked{
		now: {Version: "3", Parent: older}, older: {Version: "2", Failed: true}, c.Ref("none"): {},
	} {
		if got, err := repo.Unlinked(ctx, "r", ref); err != nil || got != want {
			t.Errorf("%s: got %+v and %v, want %+v", ref, got, err, want)
		}
	}
	if _, err := repo.Unlinked(ctx, "r", newer); !errors.Is(err, store.ErrUnreadable) {
		t.Errorf("of a newer version: %v", err)
	}
	seen := map[connectors.Ref]bool{}
	if err := repo.EachUnlinked(ctx, func(_ string, ref connectors.Ref, _ links.Unlinked) error { seen[ref] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2 || !seen[now] || !seen[older] {
		t.Errorf("went through %v", seen)
	}
}
