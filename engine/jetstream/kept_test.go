package jetstream_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/engine/jetstream"
)

// What the server takes into files that nobody finds again is not stored: not a
// hint, not the cursor of a poll.
func TestWhatIsNotKeptIsNotStored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gone := errors.New("the files are gone")
		var asked []string
		var lost string
		store := open(t, serve(t, t.TempDir()), jetstream.Options{Kept: func(stream string) error {
			asked = append(asked, stream)
			if stream == lost {
				return gone
			}
			return nil
		}}).Engine()
		asked = nil
		check(t, store.Hints.Add(t.Context(), incidents.Ref("1"), ""))
		_, err := store.State.Put(t.Context(), "cursor", []byte("1"))
		check(t, err)
		if diff := cmp.Diff([]string{"lockstep_hints", "KV_lockstep_marks"}, asked); diff != "" {
			t.Errorf("asked for (-want +got):\n%s", diff)
		}
		lost = "lockstep_hints"
		if err := store.Hints.Add(t.Context(), incidents.Ref("2"), ""); !errors.Is(err, gone) {
			t.Errorf("a hint: %v", err)
		}
		lost = "KV_lockstep_marks"
		if _, err := store.State.Put(t.Context(), "cursor", []byte("2")); !errors.Is(err, gone) {
			t.Errorf("a cursor: %v", err)
		}
	})
}
