package simulation

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/rules"
)

const (
	incidentSecret = "whsec_bG9ja3N0ZXAtc2ltdWxhdG9yLXdlYmhvb2stc2VjcmV0"
	ticketSecret   = "a secret of the business rule"
)

// configuration is what every daemon runs, but for CONFLICT and POLL.
const configuration = `
connector "incidentio" "acme" {
  api_key        = "KEY"
  webhook_secret = "INCIDENT_SECRET"
  poll_interval  = "POLL"
}
connector "servicenow" "itsm" {
  url            = "https://instance.service-now.com"
  username       = "USER"
  password       = "PASSWORD"
  webhook_secret = "TICKET_SECRET"
  poll_interval  = "POLL"
}
state_table "incident" {
  state "open" {
    incidentio = ["category:live", "category:triage", "category:paused"]
    servicenow = [2, 1, 3]
  }
  state "done" {
    incidentio = ["category:learning", "category:closed", "category:merged", "category:declined", "category:canceled"]
    servicenow = [6, 7, 8]
  }
}
state_table "follow_up" {
  state "open" {
    incidentio = ["outstanding"]
    servicenow = [2, 1, 3]
  }
  state "done" {
    incidentio = ["completed", "not_doing"]
    servicenow = [6, 7, 8]
  }
}
route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.ticket]
}
route "follow_ups" {
  source    = incidentio.acme.follow_up
  templates = [template.task]
}
template "ticket" {
  target   = servicenow.itsm.incident
  conflict = "CONFLICT"
  once {
    impact  = 2
    urgency = 2
  }
  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }}"
    u_cause           = "{{ incident.custom_fields['Cause'] }}"
    close_code        = "{{ state == 'done' ? 'Solution provided' : null }}"
    close_notes       = "{{ state == 'done' ? 'Resolved in ' + incident.reference : null }}"
  }
  inbound {
    name = "{{ ticket.short_description }}"
    custom_fields = {
      Cause  = "{{ ticket.u_cause }}"
      Impact = "{{ ticket.business_impact }}"
      Number = "{{ ticket.number }}"
    }
  }
  state {
    table = state_table.incident
  }
}
template "task" {
  target   = servicenow.itsm.incident
  conflict = "CONFLICT"
  once {
    parent = "{{ parent.ticket.id }}"
    impact = 3
  }
  outbound {
    short_description = "{{ follow_up.title }}"
    description       = "{{ follow_up.description }}"
    close_code        = "{{ state == 'done' ? 'Solution provided' : null }}"
    close_notes       = "{{ state == 'done' ? 'Done' : null }}"
  }
  inbound {
    title = "{{ ticket.short_description }}"
  }
  state {
    table = state_table.follow_up
  }
}
`

// reloads are changes of the configuration that must not change what people
// filled in; the first changes nothing.
func reloads() [][]string {
	replace := func(pairs ...string) []string { return pairs }
	return [][]string{
		replace(),
		replace(`'Resolved in '`, `'Solved in '`),
		replace(`"{{ incident.name }}"`, `"{{ incident.name + '' }}"`),
		replace(`"{{ ticket.short_description }}"`, `"{{ ticket.short_description + '' }}"`),
		replace(`table = state_table.incident`, "table = state_table.incident\n    direction = \"outbound\""),
		replace(`table = state_table.incident`, "table = state_table.incident\n    direction = \"inbound\""),
		replace(`servicenow = [6, 7, 8]`, `servicenow = [6, 8, 7]`),
		replace(`name = "{{ ticket.short_description }}"`, ``),
		replace(`u_cause           = "{{ incident.custom_fields['Cause'] }}"`, ``),
		replace(`template "ticket"`, `template "renamed"`, `template.ticket`, `template.renamed`),
	}
}

// replaced is text with pairs of old and new replaced. A text that does not
// hold one would try something else than it says.
func replaced(text string, pairs ...string) (string, error) {
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			return "", fmt.Errorf("there is no %q to replace", pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}

// renamed is the reload under which links are orphans.
func renamed(reload int) bool { return reload == len(reloads())-1 }

// A library holds the configurations, each loaded once for all seeds.
type library struct {
	dir string

	mu   sync.Mutex
	sets map[string]*rules.Set
}

func (l *library) set(conflict, poll string, reload int) (*rules.Set, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := fmt.Sprintf("%s-%s-%d", conflict, poll, reload)
	if set := l.sets[name]; set != nil {
		return set, nil
	}
	text, err := replaced(configuration, reloads()[reload]...)
	if conflict == talk && err == nil {
		conflict = "source"
		text, err = replaced(text, "\n  state {\n    table = state_table.incident\n  }\n", talking)
	}
	if err != nil {
		return nil, err
	}
	text = strings.NewReplacer(
		"CONFLICT", conflict, "POLL", poll, "KEY", incidentiotest.DefaultKey, "INCIDENT_SECRET", incidentSecret, "TICKET_SECRET", ticketSecret,
		"USER", servicenowtest.DefaultUsername, "PASSWORD", servicenowtest.DefaultPassword,
	).Replace(text)
	dir := filepath.Join(l.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	set, found := rules.Load(context.Background(), dir, rules.Options{Systems: []connectors.System{incidentio.System(), servicenow.System()}})
	if set == nil {
		var b bytes.Buffer
		found.WriteText(&b, false)
		return nil, fmt.Errorf("invalid configuration:\n%s", b.String())
	}
	l.sets[name] = set
	return set, nil
}

// newLibrary loads everything now: a bubble must not wait for another's lock.
func newLibrary(t *testing.T) *library {
	t.Helper()
	l := &library{dir: t.TempDir(), sets: map[string]*rules.Set{}}
	for _, conflict := range conflicts() {
		for _, poll := range []string{busyPoll, restPoll} {
			for reload := range reloads() {
				if _, err := l.set(conflict, poll, reload); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, poll := range []string{busyPoll, restPoll} {
		if _, err := l.set(talk, poll, 0); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func conflicts() []string { return []string{"source", "target", "latest"} }

// Polls are what is left when webhooks are lost, and cost the most: there are
// few once everything is at rest.
const (
	busyPoll = "3m"
	restPoll = "1h"
)
