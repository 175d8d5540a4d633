package incidentio_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

// A timelinePoll polls an account for items, as the engine does.
type timelinePoll struct {
	t      *testing.T
	server *incidentiotest.Server
	c      everything
	cursor []byte
}

func newTimelinePoll(t *testing.T, rate int) *timelinePoll {
	t.Helper()
	p := &timelinePoll{t: t, server: incidentiotest.New(incidentiotest.Options{})}
	made, err := incidentio.System().New("acme", &incidentio.Settings{APIKey: incidentiotest.DefaultKey}, connectors.Common{RateLimit: rate, PollInterval: time.Minute},
		connectors.Env{RoundTripper: p.server.RoundTripper()})
	if err != nil {
		t.Fatal(err)
	}
	p.c = made.(everything)
	return p
}

func (p *timelinePoll) poll() []string {
	p.t.Helper()
	changed, next, err := p.c.PollItems(p.t.Context(), connectors.CommentItems, []string{"incident"}, p.cursor)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cursor = next
	ids := []string{}
	for _, ref := range changed {
		ids = append(ids, ref.ID)
	}
	slices.Sort(ids)
	return ids
}

func (p *timelinePoll) want(step string, ids ...string) {
	p.t.Helper()
	slices.Sort(ids)
	if diff := cmp.Diff(append([]string{}, ids...), p.poll()); diff != "" {
		p.t.Errorf("%s (-want +got):\n%s", step, diff)
	}
}

func (p *timelinePoll) write(id string) {
	p.t.Helper()
	if _, err := p.server.AddTimelineItem(id, "Restarted", "the database"); err != nil {
		p.t.Fatal(err)
	}
}

// TestATimelineItemAlone: an item that changes nothing else of its incident is
// found by the next poll, while people work on it.
func TestATimelineItemAlone(t *testing.T) {
	p := newTimelinePoll(t, 0)
	old, quiet, closed := create(t, p.server), create(t, p.server), create(t, p.server, incidentiotest.SetStatus("Closed"))
	p.write(old.ID)
	p.want("what was there before")
	p.write(old.ID)
	p.write(closed.ID)
	p.want("an item", old.ID)
	p.want("once")
	if _, err := p.c.Comment(t.Context(), connectors.NewComment{Record: read(t, p.c, incidents.Ref(quiet.ID)), Kind: "timeline", Marker: "ls-1", Text: "a copy", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	p.want("a copy of ours")
	fresh := create(t, p.server)
	p.write(fresh.ID)
	p.want("of a new incident", fresh.ID)
	p.write(quiet.ID)
	postUpdate(t, p.server, quiet.ID, "said")
	p.want("an item and an update", quiet.ID)
	p.want("nothing more")
}

// TestTimelinesTakeTurns: what the budget does not allow in one poll comes in the
// next ones.
func TestTimelinesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which a budget of ten requests a minute needs
		const all, budget = 12, 5
		p := newTimelinePoll(t, 10)
		var ids []string
		for range all {
			ids = append(ids, create(t, p.server).ID)
		}
		for range 3 {
			p.want("baseline and first looks")
		}
		for _, id := range ids {
			p.write(id)
		}
		var found []string
		for i := range 3 {
			before := p.server.Count("GET", "timeline_items")
			found = append(found, p.poll()...)
			if n := p.server.Count("GET", "timeline_items") - before; n > budget {
				t.Errorf("poll %d read %d timelines", i, n)
			}
		}
		slices.Sort(found)
		slices.Sort(ids)
		if diff := cmp.Diff(ids, found); diff != "" {
			t.Error(fmt.Sprint("(-want +got):\n", diff))
		}
	})
}
