package engine_test

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// A faster bucket is one in which somebody else is faster: before a value is
// written, first may do something with what stands there.
type faster struct {
	store.Bucket
	first func(key string, value []byte)
}

func (f faster) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	f.first(key, value)
	return f.Bucket.Update(ctx, key, value, revision)
}

func (f faster) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	f.first(key, value)
	return f.Bucket.Put(ctx, key, value)
}

// TestALinkIsChangedWhoeverElseChangesIt: what a person asks for is done also
// where a reconcile saves the link between its read and its write.
func TestALinkIsChangedWhoeverElseChangesIt(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(r *rig, ref connectors.Ref)
		change  func(r *rig) error
		done    func(r *rig) bool
	}{
		"unlink": {
			prepare: func(*rig, connectors.Ref) {},
			change:  func(r *rig) error { return r.engine.Unlink(r.t.Context(), r.links()[0].ID) },
			done:    func(r *rig) bool { return r.links()[0].State == links.Detached },
		},
		"retry": {
			prepare: func(r *rig, ref connectors.Ref) {
				r.world.fail("itsm", "update", fault{class: connectors.ClassRejected})
				r.world.edit(ref, "title", "Refused once")
				r.hint(ref)
				if len(r.dead()) != 1 {
					r.t.Fatalf("dead letters: %+v", r.dead())
				}
			},
			change: func(r *rig) error { return r.engine.RetryDead(r.t.Context(), r.dead()[0].ID) },
			done: func(r *rig) bool {
				r.pass(time.Minute)
				return len(r.dead()) == 0 && r.world.field(r.oneTicket(), "title") == "Refused once"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				links := r.store.Links
				var armed atomic.Bool
				r.store.Links = faster{links, func(key string, _ []byte) {
					if !armed.CompareAndSwap(true, false) {
						return
					}
					entry, err := links.Get(t.Context(), key)
					if err != nil {
						t.Error(err)
					}
					if _, err := links.Update(t.Context(), key, entry.Value, entry.Revision); err != nil {
						t.Error(err)
					}
				}}
				ref, _ := opened(r, oneRoute)
				c.prepare(r, ref)
				armed.Store(true)
				if err := c.change(r); err != nil {
					t.Fatal(err)
				}
				if armed.Load() {
					t.Fatal("nobody was faster: this would show nothing")
				}
				if !c.done(r) {
					t.Errorf("links %+v, dead letters %+v", r.links(), r.dead())
				}
			})
		})
	}
}

// TestNothingIsLeftOfARecordThatTurnsPrivate, although somebody who stood still
// journals what it was at the last moment: after it was forgotten, and before
// anybody can see that it is private.
func TestNothingIsLeftOfARecordThatTurnsPrivate(t *testing.T) {
	for name, prepare := range map[string]func(r *rig, ref connectors.Ref){
		"in step":  func(*rig, connectors.Ref) {},
		"unlinked": func(r *rig, _ connectors.Ref) { check(r.t, r.engine.Unlink(r.t.Context(), r.links()[0].ID)) },
		"without a ticket": func(r *rig, ref connectors.Ref) {
			id := r.links()[0].ID
			r.world.remove(r.oneTicket())
			check(r.t, r.store.Links.Delete(r.t.Context(), id, 0))
			r.world.edit(ref, "severity", "Minor")
			r.hint(ref)
			if len(r.links()) != 0 || len(r.decisions(ref)) == 0 {
				r.t.Fatalf("links %+v, decisions %+v", r.links(), r.decisions(ref))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				ref := incidents.Ref("01A")
				var late atomic.Int64
				journal := r.store.Journal
				standing := func(_ string, value []byte) {
					if bytes.Contains(value, []byte(`"private":true`)) && late.Add(1) == 1 {
						check(t, journal.Append(t.Context(), ref, []byte(`{"record":"`+ref.String()+`","notes":[{"lost":"`+canary+`"}]}`)))
					}
				}
				r.store.Links, r.store.State = faster{r.store.Links, standing}, faster{r.store.State, standing}
				opened(r, oneRoute)
				prepare(r, ref)
				r.world.put(ref, true, nil)
				r.hint(ref)
				r.pass(time.Minute)
				if late.Load() == 0 {
					t.Fatal("nobody could see that it is private: this would show nothing")
				}
				entries, err := r.store.Journal.Read(t.Context(), ref, time.Time{}, 0)
				check(t, err)
				for _, entry := range entries {
					if strings.Contains(string(entry), canary) {
						t.Errorf("the journal holds %s", entry)
					}
				}
			})
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
