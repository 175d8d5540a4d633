# What two tickets of one record write, and states that one system cannot be in.
state_table "s" { # WARNING: 1: state table "s" leaves out states of servicenow.incident: 2
  state "open" {
    incidentio = ["category:live", "category:triage", "category:paused", "category:learning"]
    servicenow = ["02", 1, 3, 7, 8] # ERROR: 19: the state "02" never reads back
  }
  state "hold" {
    incidentio = ["category:closed", "category:declined", "category:canceled", "category:merged"] # WARNING: 19: state "hold" of table "s" has no value for servicenow.itsm.incident
  }
  state "done" {
    servicenow = [6] # WARNING: 19: state "done" of table "s" has no value for incidentio.acme.incident
  }
}

route "one" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b]
}

route "two" {
  source    = incidentio.acme.incident
  templates = [template.c, template.a] # WARNING: 28: two tickets write custom_fields/Ticket of one incident
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standard'"
  outbound { short_description = "{{ incident.name }}" }
  inbound {
    custom_fields = { Ticket = "{{ ticket.number }}" }
  }
  state {
    table = state_table.s
  }
}

template "b" {
  target = servicenow.itsm.incident
  outbound { short_description = "{{ incident.name }}" }
  inbound {
    custom_fields = { Ticket = "{{ ticket.number }}" }
  }
}

template "c" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'test'"
  outbound { short_description = "{{ incident.name }}" }
  inbound {
    custom_fields = {
      Ticket = "{{ ticket.number }}" # WARNING: 7: two tickets write custom_fields/Ticket of one incident
      Other  = "{{ ticket.number }}"
    }
  }
}
