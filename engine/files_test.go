package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

const withFiles = `
route "incidents" {
  source    = fake.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = fake.itsm.ticket
  once { state = 1 }
  outbound { title = "{{ incident.title }}" }
  attachments {
    inbound { max_size = "2KiB" }
    inbound {
      types    = ["application/pdf"]
      max_size = "8KiB"
    }
  }
}
`

// png is the beginning of a picture; svg one that is text.
var (
	png = append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), make([]byte, 200)...)
	svg = []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>`)
)

func TestImagesOfTheTicketAreLinkedOnTheIncidentOnce(t *testing.T) {
	simulate(t, func(r *rig) {
		ref, ticket := opened(r, withFiles)
		r.pass(time.Minute)
		r.world.attach(ticket, "screenshot.png", "image/png", png)
		r.world.attach(ticket, "a picture without a name's ending", "application/octet-stream", png)
		r.world.attach(ticket, "drawing.svg", "image/svg+xml", svg)
		r.world.attach(ticket, "page.png", "image/png", []byte("<html><script>alert(1)</script></html>"))
		r.world.attach(ticket, "large.png", "image/png", append(slices.Clone(png), make([]byte, 4096)...))
		r.world.attach(ticket, "report.pdf", "text/plain", append([]byte("%PDF-1.7\n"), make([]byte, 4096)...))
		r.world.attach(ticket, "unknown.png", "image/png", []byte{1, 2, 3, 0, 255})
		r.pass(5 * time.Minute)
		files := "https://fake.example/files/"
		want := []string{files + "f0002", files + "f0003", files + "f0004", files + "f0007", files + "f0008"}
		if diff := cmp.Diff(want, r.world.linksOf(ref)); diff != "" {
			t.Errorf("the incident's links (-want +got):\n%s", diff)
		}
		skipped := map[string]any{}
		for _, d := range r.decisions(ref) {
			for _, n := range d.Notes {
				skipped[n.What] = n.Lost
			}
		}
		if diff := cmp.Diff(map[string]any{"file_too_large": "large.png", "file_of_another_type": "page.png"}, skipped); diff != "" {
			t.Errorf("skipped files in the journal (-want +got):\n%s", diff)
		}
		r.world.mu.Lock()
		r.world.records[ref].links = nil // somebody removes them; they stay away
		r.world.mu.Unlock()
		r.world.resetCalls()
		r.hint(ref)
		r.pass(13 * time.Hour)
		if n := r.world.count("attach") + r.world.count("open"); n != 0 {
			t.Errorf("at rest it opened or attached %d files", n)
		}
	})
}

// TestAFileArrivesOnceWhateverHappensToIt lets reading and attaching fail in
// every way and the daemon be killed at every step.
func TestAFileArrivesOnceWhateverHappensToIt(t *testing.T) {
	faults := map[string][]fault{
		"no fault":         nil,
		"not sent":         {{class: connectors.ClassRetry}},
		"throttled":        {{class: connectors.ClassThrottled, pause: time.Minute}},
		"lost, not done":   {{class: connectors.ClassUnclear}},
		"lost, done":       {{class: connectors.ClassUnclear, after: true}},
		"lost, done later": {{class: connectors.ClassUnclear, late: 9 * time.Minute}},
	}
	taken := sample()
	for name, fails := range faults {
		for _, op := range []string{"itsm list files", "itsm open", "acme attach", "acme list links"} {
			for _, crash := range []reconcile.Step{"", reconcile.StepIntentSaved, reconcile.StepCarried, reconcile.StepAgreed} {
				if !taken() {
					continue
				}
				t.Run(name+"/"+op+"/"+strings.Trim(string(crash)+" crash", " "), func(t *testing.T) {
					simulate(t, func(r *rig) {
						r.world.showsTickets = true
						ref, ticket := opened(r, withFiles)
						r.pass(time.Minute)
						connector, op, _ := strings.Cut(op, " ")
						r.world.fail(connector, op, fails...)
						r.world.attach(ticket, "one.png", "image/png", png)
						r.world.attach(ticket, "two.png", "image/png", png)
						r.crash.Store(crash)
						r.hint(ref)
						r.pass(3 * time.Second)
						if crash != "" {
							r.kill()
							r.crash.Store(reconcile.Step(""))
							r.start(withFiles)
						}
						r.pass(3 * time.Hour)
						links := r.world.linksOf(ref)
						slices.Sort(links)
						if diff := cmp.Diff([]string{"https://fake.example/" + ticket.ID, "https://fake.example/files/f0002", "https://fake.example/files/f0003"}, links); diff != "" {
							t.Errorf("the incident's links (-want +got):\n%s", diff)
						}
					})
				})
			}
		}
	}
}

// TestTheTicketItselfIsShownOnce: with or without an attachments block, and not
// again when somebody takes it away.
func TestTheTicketItselfIsShownOnce(t *testing.T) {
	simulate(t, func(r *rig) {
		r.world.showsTickets = true
		ref, ticket := opened(r, oneRoute)
		r.pass(time.Minute)
		if diff := cmp.Diff([]string{"https://fake.example/" + ticket.ID}, r.world.linksOf(ref)); diff != "" {
			t.Errorf("the incident's links (-want +got):\n%s", diff)
		}
		r.world.mu.Lock()
		r.world.records[ref].links = nil
		r.world.mu.Unlock()
		r.world.edit(ref, "title", "Another")
		r.hint(ref)
		r.pass(time.Hour)
		if links := r.world.linksOf(ref); len(links) != 0 {
			t.Errorf("it came back: %q", links)
		}
	})
}
