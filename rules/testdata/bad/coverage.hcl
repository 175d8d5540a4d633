state_table "incident" { # WARNING: 1: state table "incident" leaves out states of incidentio.incident: category:declined, category:canceled, category:merged # WARNING: 1: state table "incident" leaves out states of servicenow.incident: 3
  state "open" {
    incidentio = ["category:live", "category:triage", "category:paused"]
    servicenow = [2, 1]
  }
  state "done" {
    incidentio = ["category:learning", "category:closed"]
    servicenow = [6, 7, 8]
  }
}

state_table "quiet" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["category:live"]
    servicenow = [2]
  }
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b]
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standard'"
  outbound { short_description = "x" }
  state { table = state_table.incident }
}

template "b" {
  target = servicenow.itsm.incident
  outbound { short_description = "x" }
  state { table = state_table.quiet }
}

route "undone" {
  source    = incidentio.acme.incident
  templates = [template.undone]
}

template "undone" {
  target = servicenow.itsm.incident
  once { short_description = "x" }
  outbound { state = 1 } # WARNING: 14: field "state" is written by the state block, too
  state { table = state_table.quiet }
}
