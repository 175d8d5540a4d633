package ruletest_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/engine/ruletest"
)

// TestNoTicketComesRound: two routes in opposite directions serve records from either
// side, and a chain of three systems works.
func TestNoTicketComesRound(t *testing.T) {
	const hcl = `
connector "servicenow" "two" {
  url      = "https://two.service-now.com"
  username = "lockstep"
  password = env("LOCKSTEP_TEST_NO_SUCH_PASSWORD")
}
route "there" {
  source    = servicenow.itsm.incident
  templates = [template.there]
}
route "back" {
  source    = servicenow.two.incident
  templates = [template.back]
}
route "on" {
  source    = servicenow.two.incident
  templates = [template.on]
}
template "there" {
  target = servicenow.two.incident
  outbound { short_description = "{{ incident.short_description }}" }
}
template "back" {
  target = servicenow.itsm.incident
  outbound { short_description = "{{ incident.short_description }}" }
}
template "on" {
  target = jira.eng.issue
  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound { summary = "{{ incident.short_description }}" }
}
`
	const ticket = `
-- row.json --
{"sys_id":"0123456789abcdef0123456789abcdef","number":"INC7","short_description":"x","state":"1","sys_class_name":"incident"}
-- marked.json --
{"sys_id":"1123456789abcdef0123456789abcdef","number":"INC8","short_description":"x","state":"1","sys_class_name":"incident","correlation_id":"lockstep-0123456789abcdef0123456789abcdef"}
`
	for name, script := range map[string]string{
		"from one side": `
create servicenow.itsm.incident row.json
writes
stdout -count=1 '^servicenow.two.incident/1 create'
stdout -count=1 '^jira.eng.issue/1 create'
! stdout 'servicenow.itsm.incident/.* create'
stdout -count=2 create
edit short_description=y
writes
! stdout create
restart
advance 30d
! writes`,
		"from the other side": `
create servicenow.two.incident row.json
writes
stdout -count=1 '^servicenow.itsm.incident/1 create'
stdout -count=1 '^jira.eng.issue/1 create'
stdout -count=2 create
advance 30d
! writes`,
		"over an incident, and it says so": `
create incident.json
writes
stdout -count=1 '^servicenow.itsm.incident/1 create'
stdout -count=1 '^servicenow.two.incident/1 create'
stdout -count=1 '^jira.eng.issue/1 create'
stdout -count=3 create
advance 30d
! writes`,
		"only the mark is left": `
route marked.json
stdout -count=2 '^reason    opened by lockstep$'
create servicenow.two.incident marked.json
writes
! stdout servicenow.itsm
stdout -count=1 '^jira.eng.issue/1 create'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := run(t, hcl, strings.TrimPrefix(script, "\n")+ticket, ruletest.Options{}); r.Status != ruletest.Passed {
				t.Errorf("%s: %s\n%s", r.Command, r.Message, r.Log)
			}
		})
	}
}

// TestAnyRoutesConverge: whatever the routes between systems are, a record comes to
// rest, and no chain of tickets comes back to a system.
func TestAnyRoutesConverge(t *testing.T) {
	const systems = 4
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			var hcl strings.Builder
			edges := [systems][systems]bool{}
			for i := range systems {
				fmt.Fprintf(&hcl, "connector \"servicenow\" \"s%d\" {\n  url      = \"https://s%d.service-now.com\"\n  username = \"u\"\n  password = \"p\"\n}\n", i, i)
				for j := range systems {
					if i != j && random.IntN(2) == 0 {
						edges[i][j] = true
						fmt.Fprintf(&hcl, "template \"t%d%d\" {\n  target = servicenow.s%d.incident\n  outbound { short_description = \"{{ incident.short_description }}\" }\n}\n", i, j, j)
						fmt.Fprintf(&hcl, "route \"r%d%d\" {\n  source    = servicenow.s%d.incident\n  templates = [template.t%d%d]\n}\n", i, j, i, i, j)
					}
				}
			}
			// As many tickets as there are ways from the first system that meet none twice.
			var ways func(at int, seen [systems]bool) int
			ways = func(at int, seen [systems]bool) int {
				n := 0
				seen[at] = true
				for to := range systems {
					if edges[at][to] && !seen[to] {
						n += 1 + ways(to, seen)
					}
				}
				return n
			}
			want := ways(0, [systems]bool{})
			script := "create servicenow.s0.incident row.json\nwrites\nstdout -count=" + fmt.Sprint(want) + " ' create '\nadvance 30d\n! writes\n"
			if want == 0 {
				return
			}
			script += "-- row.json --\n" + `{"sys_id":"0123456789abcdef0123456789abcdef","number":"INC7","short_description":"x","state":"1","sys_class_name":"incident"}` + "\n"
			if r := run(t, hcl.String(), script, ruletest.Options{}); r.Status != ruletest.Passed {
				t.Errorf("%s: %s\n%s", r.Command, r.Message, hcl.String())
			}
		})
	}
}
