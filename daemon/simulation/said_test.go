package simulation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// talk is the configuration under which comments and files are carried too.
const talk = "talk"

// talking is what it adds to the template of incidents.
const talking = `
  comments {
    inbound {}
    outbound {
      from = ["update"]
      to   = "work_notes"
    }
  }
  attachments {
    inbound {}
  }
  state {
    table = state_table.incident
  }
`

// A saying is something that a person said or attached. Its token stands in it
// and in its copies, and in nothing else.
type saying struct {
	record *record
	side   side
	what   string // "work note", "comment", "update", "image"
	token  string
	ticket string // where it was said on a ticket
}

// TestSaid runs the same seeds each time: people talk and attach on both sides
// while everything goes wrong.
func TestSaid(t *testing.T) {
	lib, n := outside(t), (*seeds+1)/2
	if testing.Short() {
		n = min(n, shortSeeds)
	}
	for seed := range n {
		runScenario(t, lib, "TestSaid/"+fmt.Sprint(seed+1), seed+1, func(w *world) {
			w.conflict = talk
			w.live(talkingOperations())
			w.calmDown()
			w.checkSaid()
		})
	}
}

func talkingOperations() []operation {
	return []operation{
		{"somebody edits a record", 3, (*world).editSource},
		{"somebody edits a ticket", 3, (*world).editTarget},
		{"a record moves", 2, (*world).moveSource},
		{"a ticket moves", 2, (*world).moveTarget},
		{"an incident is declared", 1, (*world).declare},
		{"an agent writes", 8, (*world).workNote},
		{"a responder posts an update", 8, (*world).postUpdate},
		{"an agent attaches an image", 4, (*world).attach},
		{"webhooks are delivered", 10, (*world).deliver},
		{"a request goes wrong", 8, (*world).fault},
		{"a system is down", 1, (*world).outage},
		{"a daemon will crash", 4, (*world).crash},
		{"a daemon stalls", 3, (*world).stallOne},
		{"a daemon is restarted", 2, (*world).restartOne},
		{"a table is closed to lockstep or opened", 2, (*world).switchTable},
		{"the journal is hidden from lockstep or shown", 2, (*world).switchJournal},
	}
}

// Invariant 2, and what it means for pictures and the link to the ticket.
func (w *world) checkSaid() {
	if len(w.failures) > 0 {
		return
	}
	w.everyRecordHasOneTicket()
	w.sidesAgree()
	w.nothingIsLogged()
	letters, err := w.daemons[0].engine.Dead(w.ctx)
	w.must(err)
	refused := map[ref]int{}
	for _, d := range letters {
		if strings.HasPrefix(d.Field, "comments.") && d.Reason == deadletter.ReasonDidNotStick {
			refused[d.Record]++
		}
	}
	missing := map[ref]int{}
	for _, s := range w.said {
		switch n := w.copies(s); {
		case n > 1:
			w.fail("invariant 2: the %s %q of %s has %d copies", s.what, s.token, s.record, n)
		case n == 0 && w.ticket(s.record) == "":
			// It got no ticket.
		case n == 0 && s.side == target && s.ticket != w.ticket(s.record):
			// Its ticket was closed for good and another took its place.
		case n == 0:
			missing[s.record.ref()]++
			w.say("the %s %q of %s has no copy", s.what, s.token, s.record)
		}
	}
	for of, n := range missing {
		if n > refused[of] { // a closed ticket drops what is added to it
			w.fail("invariant 2: %d of what was said on %s has no copy, and %d dead letters say so", n, of, refused[of])
		}
	}
	for _, r := range w.records {
		w.ticketIsShownOnce(r)
		for _, l := range w.linksOf(r) {
			if l.Target == nil {
				continue
			}
			for _, e := range w.tickets.Journal("incident", l.Target.ID) {
				if e.Element == "comments" && e.By == servicenowtest.DefaultUsername {
					w.fail("%s: something was shown to the caller of its ticket: %s", r, e.Value)
				}
			}
		}
	}
	w.atRest("when all was said")
	w.editsArrive()
}

// copies counts what holds the token on the other side.
func (w *world) copies(s saying) (n int) {
	count := func(text string) {
		if strings.Contains(text, s.token) {
			n++
		}
	}
	switch {
	case s.what == "image":
		for _, a := range w.incidents.Attachments(s.record.id) {
			count(a.Resource.Title)
		}
	case s.side == target:
		for _, i := range w.incidents.TimelineItems(s.record.id) {
			count(i.Description)
		}
		for _, u := range w.incidents.Updates(s.record.id) {
			count(u.Message)
		}
	default:
		for _, e := range w.tickets.Journal("incident", w.ticket(s.record)) {
			count(e.Value)
		}
	}
	return n
}

// ticketIsShownOnce: each ticket of a record is linked on it, once.
func (w *world) ticketIsShownOnce(r *record) {
	shown := map[string]int{}
	for _, a := range w.incidents.Attachments(r.id) {
		shown[a.Resource.Permalink]++
	}
	for link, n := range shown {
		if n > 1 {
			w.fail("%s shows %s %d times", r, link, n)
		}
	}
	if l, ok := w.link(r); ok && l.Phase == links.Active && shown[l.URL] != 1 {
		w.fail("%s shows its ticket %d times", r, shown[l.URL])
	}
}
