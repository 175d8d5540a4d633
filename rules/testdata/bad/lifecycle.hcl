route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b]
}

route "p" {
  source    = incidentio.acme.incident
  templates = [template.loop] # ERROR: 16: template "loop" writes where route "p" reads
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standard'"
  outbound { short_description = "x" }
  comments {
    inbound { from = ["work_note"] } # ERROR: 23: incident has no comments of the kind "work_note"
    outbound {
      to   = "timeline" # ERROR: 14: incident has no comments of the kind "timeline"
      when = "comment.txt == ''" # ERROR: 23: unknown field "txt"
    }
  }
  lifecycle {
    on_delete = "close" # ERROR: 17: on_delete = "close" needs a state table
    statuses  = ["live", "post"] # ERROR: 26: incident has no status category "post"
  }
}

template "b" {
  target = servicenow.itsm.problem
  comments {
    outbound {} # ERROR: 5: a problem takes no comments
  }
  attachments {
    outbound {} # ERROR: 5: a problem takes no attachments
  }
  state { # ERROR: 3: problem has no state of its own
    table        = state_table.t
    source_field = "status" # ERROR: 20: incident has no field "status"
  }
}

template "loop" {
  target = incidentio.acme.incident
  once { name = "x" }
}

state_table "t" {
  unmapped = "ignore"
  state "open" {
    servicenow = [1]
    incidentio = ["x"]
  }
}
