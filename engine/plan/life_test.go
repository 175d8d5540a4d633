package plan

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/engine/links"
)

// TestLife goes through section 8 of the protocol.
func TestLife(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	missed := func(side string, ago time.Duration) *links.Missing {
		return &links.Missing{Side: side, Times: 1, At: now.Add(-ago)}
	}
	for _, test := range []struct {
		name string
		life Life
		want Step
		side links.Side
	}{
		{"the target is read first", Life{Phase: links.Active}, ReadTarget, links.Target},
		{"the source last", Life{Phase: links.Active, Target: Found}, ReadSource, links.Source},
		{"both are there", Life{Phase: links.Active, Target: Found, Source: Found}, Sync, ""},
		{"the ticket of a gone link reads again", Life{Phase: links.Gone, Target: Found, Source: Found}, Sync, ""},
		{"it turned private", Life{Phase: links.Active, Target: Found, Source: Found, Private: true}, Stop, links.Source},
		{"the route takes private records", Life{Phase: links.Active, Target: Found, Source: Found, Private: true, TakesPrivate: true}, Sync, ""},
		{"the template keeps the ticket", Life{Phase: links.Active, Target: Found, Source: Found, Private: true, KeepsPrivate: true}, Sync, ""},
		{"a stopped link reads the source alone", Life{Phase: links.Stopped}, ReadSource, links.Source},
		{"and rests while it is private", Life{Phase: links.Stopped, Source: Found, Private: true}, Rest, links.Source},
		{"public again, it reads the target", Life{Phase: links.Stopped, Source: Found}, ReadTarget, links.Target},
		{"which may be gone", Life{Phase: links.Stopped, Source: Found, Target: NotFound}, NoteMiss, links.Target},
		{"not found for the first time", Life{Phase: links.Active, Target: NotFound}, NoteMiss, links.Target},
		{"after the other side was", Life{Phase: links.Active, Target: NotFound, Missing: missed("source", time.Hour)}, NoteMiss, links.Target},
		{"by a clock that was set back", Life{Phase: links.Active, Target: NotFound, Missing: missed("target", -time.Minute)}, NoteMiss, links.Target},
		{"not found again too soon", Life{Phase: links.Active, Target: NotFound, Missing: missed("target", GoneAfter-1)}, AwaitMiss, links.Target},
		{"not found twice", Life{Phase: links.Active, Target: NotFound, Missing: missed("target", GoneAfter)}, Judge, links.Target},
		{"not found twice, and deleted", Life{Phase: links.Active, Target: NotFound, Missing: missed("target", GoneAfter), Judged: Deleted}, Lose, links.Target},
		{"not found twice, and hidden", Life{Phase: links.Active, Target: NotFound, Missing: missed("target", GoneAfter), Judged: Hidden}, KeepMiss, links.Target},
		{"after that it waits longer", Life{Phase: links.Active, Target: NotFound, Missing: &links.Missing{Side: "target", Times: 2, At: now.Add(1 - 2*GoneAfter)}}, AwaitMiss, links.Target},
		{"but not for ever", Life{Phase: links.Active, Target: NotFound, Missing: &links.Missing{Side: "target", Times: 99, At: now.Add(-8 * GoneAfter)}}, Judge, links.Target},
		{"gone for good", Life{Phase: links.Gone, Target: NotFound}, Rest, links.Target},
		{"the source is gone", Life{Phase: links.Active, Target: Found, Source: NotFound, Missing: missed("source", GoneAfter), Judged: Deleted}, Lose, links.Source},
		{"the source of a lost link reads again", Life{Phase: links.Detached, Target: Found, Source: Found, Missing: missed("source", time.Hour)}, Sync, ""},
		{"a lost link's source is still not there", Life{Phase: links.Detached, Target: Found, Source: NotFound, Missing: missed("source", time.Hour)}, Rest, links.Source},
	} {
		test.life.Now = now
		if step, side := test.life.Next(); step != test.want || side != test.side {
			t.Errorf("%s: got step %d of %q, want %d of %q", test.name, step, side, test.want, test.side)
		}
	}
}
