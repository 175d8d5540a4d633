package ruletest_test

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/engine/ruletest"
)

// TestIncidentsAreDeclared: an incident may start in a ticket system. What is declared
// shows where it began, is not sent back, also where only the mark is left, and stays
// private if it is.
func TestIncidentsAreDeclared(t *testing.T) {
	const hcl = `
route "declare" {
  source    = servicenow.itsm.incident
  templates = [template.declare]
}
template "declare" {
  target = incidentio.acme.incident
  when   = "incident.priority == 1"
  once {
    visibility = "{{ incident.category == 'security' ? 'private' : 'public' }}"
  }
  outbound {
    name     = "{{ incident.short_description }}"
    call_url = "https://call.example/{{ incident.number }}"
  }
  inbound {
    u_incident = "{{ ticket.number }}"
    u_summary  = "{{ ticket.summary }}"
  }
  comments {
    inbound {}
  }
}
route "follow" {
  source    = servicenow.itsm.problem_task
  templates = [template.follow]
}
template "follow" {
  target = incidentio.acme.follow_up
  once { incident_id = "{{ problem_task.u_incident }}" }
  outbound {
    title  = "{{ problem_task.short_description }}"
    labels = ["problem"]
  }
  state { table = state_table.follow }
}
state_table "follow" {
  state "open" {
    servicenow = [1]
    incidentio = ["outstanding"]
  }
  state "done" {
    servicenow = [3]
    incidentio = ["completed"]
  }
}
`
	const records = `
-- row.json --
{"sys_id":"0123456789abcdef0123456789abcdef","number":"INC7","short_description":"Down","state":"1","priority":"1","sys_class_name":"incident"}
-- secret.json --
{"sys_id":"1123456789abcdef0123456789abcdef","number":"INC9","short_description":"Down","state":"1","priority":"1","category":"security","sys_class_name":"incident"}
-- task.json --
{"sys_id":"2123456789abcdef0123456789abcdef","number":"PTASK1","short_description":"Add an index","state":"3","u_incident":"01INCIDENT","sys_class_name":"problem_task"}
-- marked.json --
{"id":"01MARKED","reference":"INC-8","name":"x","mode":"standard","visibility":"public","incident_status":{"name":"Live","category":"live"},"severity":{"name":"Critical"},"custom_fields":{"Lockstep key":"lockstep-0123456789abcdef0123456789abcdef"}}
`
	for name, script := range map[string]string{
		"once, and what its creation does not take right after": `
create servicenow.itsm.incident row.json
writes
stdout -count=1 'create'
stdout -count=1 '^incidentio.acme.incident/1 create name="Down" visibility="public"$'
stdout -count=1 '^incidentio.acme.incident/1 update call_url="https://call.example/INC7"$'
stdout -count=1 '^incidentio.acme.incident/1 attach "INC7"$'
stdout -count=1 '^servicenow.itsm.incident/0123456789abcdef0123456789abcdef update u_incident="INCIDENT-1"$'
restart
advance 30d
! writes`,
		"of a private one no contents come back": `
create servicenow.itsm.incident secret.json
ticket
stdout '^visibility +"private"$'
ticket set 'summary=We were robbed'
ticket comment update 'By the butler'
source
stdout '^u_incident +"INCIDENT-1"$'
! stdout robbed
! stdout butler`,
		"of a public one they do": `
create servicenow.itsm.incident row.json
ticket set 'summary=We were robbed'
ticket comment update 'By the butler'
source
stdout robbed
stdout butler`,
		"only the mark is left": `
route marked.json
stdout '^reason    opened by lockstep$'
create incidentio.acme.incident marked.json
! writes`,
		"a follow-up, in a state that it is given later": `
create servicenow.itsm.problem_task task.json
writes
stdout -count=1 '^incidentio.acme.follow_up/1 create incident_id="01INCIDENT" labels=\["problem"\] title="Add an index"$'
stdout -count=1 '^incidentio.acme.follow_up/1 update status="completed"$'
advance 30d
! writes`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := run(t, hcl, strings.TrimPrefix(script, "\n")+records, ruletest.Options{}); r.Status != ruletest.Passed {
				t.Errorf("%s: %s\n%s", r.Command, r.Message, r.Log)
			}
		})
	}
}
