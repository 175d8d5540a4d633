package daemon

import (
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/rules"
)

// adviceOn is what the systems say of a configuration, as people are shown it.
func adviceOn(t *testing.T, hcl string, sites map[string]http.RoundTripper) []string {
	t.Helper()
	dir := t.TempDir()
	blocks := `
connector "incidentio" "acme" { api_key = "` + incidentiotest.DefaultKey + `" }
connector "jira" "eng" {
  url       = "` + jiratest.DefaultURL + `"
  email     = "` + jiratest.DefaultEmail + `"
  api_token = "` + jiratest.DefaultAPIToken + `"
}
connector "servicenow" "itsm" {
  url      = "` + servicenowtest.DefaultURL + `"
  username = "` + servicenowtest.DefaultUsername + `"
  password = "` + servicenowtest.DefaultPassword + `"
}
`
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(blocks+hcl), 0o600); err != nil {
		t.Fatal(err)
	}
	set, found := rules.Load(t.Context(), dir, rules.Options{Systems: []connectors.System{incidentio.System(), jira.System(), servicenow.System()}})
	if set == nil {
		t.Fatal(found)
	}
	all := map[string]connectors.Connector{}
	for name, block := range set.Connectors {
		if sites[name] == nil {
			continue
		}
		c, err := block.System.New(name, block.Settings, block.Common, connectors.Env{RoundTripper: sites[name]})
		if err != nil {
			t.Fatal(err)
		}
		all[name] = c
	}
	var lines []string
	a := adviser{
		log: slog.New(slog.DiscardHandler), set: set, uses: set.Uses(), all: all, said: map[string]rules.Diagnostics{}, logged: map[string]bool{},
		keep: func(d rules.Diagnostics) {
			for _, one := range d {
				lines = append(lines, one.Summary+": "+one.Detail)
			}
		},
	}
	if failed := a.ask(t.Context(), slices.Sorted(maps.Keys(all))); len(failed) > 0 {
		t.Errorf("%v did not answer", failed)
	}
	return lines
}

// TestAdvice goes from a configuration to the warnings that people see, through
// the real rules, connectors and simulated systems.
func TestAdvice(t *testing.T) {
	const routes = `
route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b]
}
`
	site := jiratest.New(jiratest.Options{})
	site.TakeOff("OPS", "priority", true, false)
	site.TakeOff("OPS", "customfield_10016", true, true)
	site.TakeOff("OPS", "duedate", false, true)
	if _, err := site.Open("OPS", "acc-ann", map[string]any{"issuetype": map[string]any{"name": "Task"}}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		hcl  string
		to   http.RoundTripper
		want []string // beginnings
	}{
		"eng": {`
state_table "s" {
  state "open" {
    incidentio = ["category:live"]
    jira       = ["To Do", "Nowhere"]
  }
}
template "a" {
  target = jira.eng.issue
  when   = "incident.name == 'a'"
  once {
    project    = "ENG"
    issuetype  = "Bug"
    priority   = "Urgent"
    components = ["Backend", "Kitchen"]
    custom_fields = { "Team" = "Nobody", "Story Points" = 3, "Nothing" = 1 }
  }
  outbound { summary = "{{ incident.name }}" }
  state { table = state_table.s }
}
template "b" {
  target = jira.eng.issue
  when   = "incident.name == 'b'"
  once {
    project   = "OPS"
    issuetype = "Task"
    priority  = "High"
    customfield_10016 = 2
  }
  outbound {
    summary = "{{ incident.name }}"
    duedate = "{{ incident.name }}"
  }
}
template "c" {
  target = jira.eng.issue
  once {
    project   = "NONE"
    issuetype = "Bug"
  }
  outbound { summary = "{{ incident.name }}" }
}
template "d" {
  target = jira.eng.issue
  once {
    project   = "ENG"
    issuetype = "Saga"
  }
  outbound { summary = "{{ incident.name }}" }
}
route "more" {
  source    = incidentio.acme.incident
  templates = [template.d]
  no_match  = template.c
}
`, site.RoundTripper(), []string{
			"eng: issue.components: Kitchen: In ENG its choices for a Bug are Backend, Frontend.",
			"eng: issue.custom_fields/Team: Nobody: In ENG its choices for a Bug are Payments, Search.",
			"eng: issue.custom_fields: Nothing: the site has no such custom field",
			"eng: issue.customfield_10016: It is not on the screen on which issues of the type Task in OPS are created.",
			"eng: issue.duedate: It is not on the screen on which issues of the type Task in OPS are edited.",
			"eng: issue.issuetype: Saga: The projects have Bug, Epic",
			"eng: issue.priority: It is not on the screen on which issues of the type Task in OPS are created.",
			"eng: issue.priority: Urgent: In ENG its choices for a Bug are High",
			"eng: issue.project: NONE: The site has no project of this key",
		}},
		"itsm": {`
template "a" {
  target = servicenow.itsm.incident
  when   = "incident.name == 'a'"
  once {
    state        = 1
    close_code   = "Magic"
    u_not_there  = "x"
  }
  outbound { short_description = "{{ incident.name }}" }
}
template "b" {
  target = servicenow.itsm.incident
  once { close_code = "Magic" }
  outbound { short_description = "{{ incident.name }}" }
}
`, servicenowtest.New(servicenowtest.Options{}).RoundTripper(), []string{
			"itsm: incident.close_code: Magic: it is not in the instance's choice list", // at both places
			"itsm: incident.close_code: Magic: it is not in the instance's choice list",
			"itsm: incident.u_not_there: incident has no column u_not_there",
		}},
		"acme": {`
template "a" {
  target = jira.eng.issue
  when   = "incident.custom_fields['Nothing'] == 'a' || 'Criticall' == incident.severity.name || incident.severity.rank == 3 || incident.severity.id == 'x'"
  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound {
    summary     = "{{ incident.roles['Nobody'].name }}"
    description = "{{ incident.incident_type.name in ['Securty', 'Default'] || incident.incident_status.name != 'Investigating' ? 'x' : 'y' }}"
  }
  inbound { severity = "{{ ticket.priority == 'High' ? 'Enormous' : 'Major' }}" }
}
template "b" {
  target = jira.eng.issue
  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound { summary = "{{ incident.name }}" }
}
`, incidentiotest.New(incidentiotest.Options{}).RoundTripper(), []string{
			"acme: incident.custom_fields: Nothing: incident.io has no custom field",
			"acme: incident.incident_type.name: Default: incident.io has no incident type",
			"acme: incident.incident_type.name: Securty: incident.io has no incident type",
			"acme: incident.roles: Nobody: incident.io has no",
			"acme: incident.severity.name: Criticall: incident.io has no severity",
			"acme: incident.severity: Enormous: incident.io has no severity",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := adviceOn(t, routes+test.hcl, map[string]http.RoundTripper{name: test.to})
			slices.Sort(got)
			slices.Sort(test.want)
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}
