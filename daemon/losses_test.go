package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"
	"github.com/lockstep-sync/lockstep/engine"
)

// TestALossOfStoredFilesIsNamed: a file that was cut, or a stream's directory
// that is gone, is named by the status of the next start.
func TestALossOfStoredFilesIsNamed(t *testing.T) {
	t.Parallel()
	cut := func(stream string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			blocks, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", stream, "msgs", "*"))
			if err != nil || len(blocks) == 0 {
				t.Fatalf("%v, %v", blocks, err)
			}
			for _, block := range blocks {
				if err := os.Truncate(block, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	remove := func(stream string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			found, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", stream))
			if err != nil || len(found) != 1 {
				t.Fatalf("%v, %v", found, err)
			}
			if err := os.RemoveAll(found[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		lose func(t *testing.T, dir string)
		want string
	}{
		"links cut":       {cut("KV_lockstep_links"), "10 of 10 links are lost"},
		"links removed":   {remove("KV_lockstep_links"), "10 of 10 links are lost"},
		"journal cut":     {cut("lockstep_journal"), "the journal of decisions: what was stored last is lost"},
		"journal removed": {remove("lockstep_journal"), "the journal of decisions: what was stored is lost"},
		"dead removed":    {remove("KV_lockstep_dead"), "dead letters: what was stored is lost"},
		"hints removed":   {remove("lockstep_hints"), "what waited to be looked at was lost"},
		"hints cut":       {cut("lockstep_hints"), "what waited to be looked at was lost"},
		"index cut":       {cut("KV_lockstep_targets"), "the index of tickets: what was stored last is lost"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, memoryConfig)
			r.start()
			for i := range 10 {
				r.report(fmt.Sprint(i), fmt.Sprint("incident ", i))
				r.ticket(fmt.Sprint("incident ", i))
			}
			daemontest.Eventually(t, "all links to be stored", func() bool {
				links, _, err := r.client.Links(t.Context(), engine.Query{})
				active := 0
				for _, l := range links {
					if l.State == "active" {
						active++
					}
				}
				return err == nil && active == 10
			})
			r.end()
			r.start()
			if s := r.status(); len(s.Store) != 0 {
				t.Fatalf("before anything is lost it says %+v", s.Store)
			}
			r.end()
			c.lose(t, r.options.DataDir)
			r.start()
			said := ""
			for _, f := range r.status().Store {
				said += f.Message + "\n"
			}
			if !strings.Contains(said, c.want) {
				t.Errorf("it does not say %q, but %q", c.want, said)
			}
			r.report("11", "and it goes on")
			r.ticket("and it goes on")
		})
	}
}
