state_table "empty" { # ERROR: 1: a state_table without states
}

state_table "incident" {
  unmapped = "complain" # ERROR: 14: invalid value "complain" for unmapped

  state "open" {
    incidentio = ["category:live", "category:triage", "category:lve"] # ERROR: 55: incident has no status category "lve"
    servicenow = [1, 2, "three"] # ERROR: 25: the state of incident is a number, not "three"
    jira       = "To Do" # ERROR: 18: jira must be a list
    servicenwo = [1] # ERROR: 5: unknown column "servicenwo"
  }
  state "done" {
    incidentio = ["category:closed", "category:live"] # ERROR: 38: "category:live" in two states of the column incidentio
    servicenow = [2] # ERROR: 19: "2" in two states of the column servicenow
    itsm       = [] # ERROR: 18: the column itsm of state "done" is empty
  }
  state { # ERROR: 3: a state block has one label
    servicenow = [9]
  }
}

state_table "follow_up" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["outstanding"]
  }
  state "done" {
    incidentio = ["complete"] # ERROR: 19: follow_up has no state "complete"
  }
}

state_table "named" {
  unmapped = "error"
  state "open" {
    servicenow = [1]
    itsm       = [2]
    incidentio = ["category:live"]
  }
  state "done" {
    servicenow = [2] # ERROR: 19: "2" in two states of the column itsm
    incidentio = ["category:closed"]
  }
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b]
}

route "f" {
  source    = incidentio.acme.follow_up
  templates = [template.f]
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standard'"
  outbound { short_description = "x" }
  state {
    table     = state_table.incident
    direction = "sideways" # ERROR: 17: invalid value "sideways" for direction
  }
}

template "b" {
  target = servicenow.itsm.problem
  state { table = state_table.named } # ERROR: 3: problem has no state of its own
}

template "f" {
  target = servicenow.itsm.incident
  outbound { short_description = "x" }
  state { table = state_table.follow_up } # ERROR: 19: state table "follow_up" has no column for servicenow.itsm.incident
}
