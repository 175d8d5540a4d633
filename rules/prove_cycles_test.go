package rules

import "testing"

// TestPairsConverge keeps one field of an incident in step with two tickets,
// both ways, and with the states: these are pairs that meet, not a circle.
func TestPairsConverge(t *testing.T) {
	mustLoad(t, `
state_table "t" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["category:live"]
    servicenow = [2]
    jira       = ["To Do"]
  }
}
route "a" {
  source    = incidentio.acme.incident
  templates = [template.ticket]
}
route "b" {
  source    = incidentio.acme.incident
  templates = [template.issue, template.other_issue]
}
template "ticket" {
  target = servicenow.itsm.incident
  outbound {
    short_description = "{{ incident.name }}"
    close_code        = "{{ state == 'open' ? null : 'Solved' }}"
  }
  inbound {
    name          = "{{ ticket.short_description }}"
    custom_fields = { "Ticket" = "{{ ticket.number }}" }
  }
  state { table = state_table.t }
}
template "issue" {
  target = jira.eng.issue
  when   = "incident.mode == 'standard'"
  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound { summary = "{{ incident.name }} {{ incident.custom_fields['Ticket'] }}" }
  inbound { name = "{{ ticket.summary }}" }
  state { table = state_table.t }
}
template "other_issue" {
  extends = template.issue
  outbound {
    description = "{{ incident.summary }}"
    summary     = "{{ incident.name }}"
  }
  inbound {
    name    = null
    summary = "{{ ticket.description }}"
  }
}
`)
}
