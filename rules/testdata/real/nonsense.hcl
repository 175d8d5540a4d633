# What is meant cannot be what is written.

state_table "t" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["category:live"]
    servicenow = [2]
  }
  state "done" {
    incidentio = ["category:closed"]
    servicenow = [6]
  }
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b, template.c, template.d, template.e, template.f, template.g, template.h]
}

route "back" {
  source    = servicenow.itsm.incident
  templates = [template.incident]
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standrd' || incident.incident_status.category in ['live', 'lve']" # WARNING: 30: incident.mode is never "standrd" # WARNING: 89: incident.incident_status.category is never "lve"
  outbound { short_description = "{{ incident.visibility != 'secret' ? incident.name : null }}" } # WARNING: 61: incident.visibility is never "secret"
  inbound { summary = "{{ ticket.urgency == 4 ? 'low' : ticket.description }}" } # WARNING: 45: ticket.urgency is never 4
}
template "b" {
  target = servicenow.itsm.incident
  when   = "incident.name == 'a' && incident.name in ['b', 'c']" # WARNING: 12: this condition is never true
  outbound {
    short_description = "{{ incident.name }}"
    close_code        = "{{ state == 'dne' ? 'x' : null }}" # WARNING: 38: state is never "dne"
  }
  state { table = state_table.t } # WARNING: 3: template "b" does not set close_notes
}
template "c" {
  target = servicenow.itsm.incident
  when   = "null" # WARNING: 12: this condition is never true
  outbound { short_description = "{{ incident.name }}" }
  lifecycle {
    modes    = [] # WARNING: 16: modes is empty
    statuses = [] # WARNING: 16: statuses is empty
  }
  comments {
    inbound { from = [] } # WARNING: 22: from is empty
    inbound { when = "comment.kind == 'work_note'" } # WARNING: 39: comment.kind is never "work_note"
  }
  attachments {
    inbound { types = [] } # WARNING: 23: types is empty
  }
}
template "d" {
  target = servicenow.itsm.incident
  when   = "incident.created_at.getHours('Europe/Berlni') > 8" # ERROR: 33: this always fails
  outbound { short_description = "{{ incident.name }}" }
}
template "e" {
  target = servicenow.itsm.incident
  when   = "1 / 0 > 1 || incident.mode == 'standard'" # ERROR: 15: this always fails
  outbound { short_description = "{{ incident.name }}" }
}
template "f" {
  target = servicenow.itsm.incidnt # WARNING: 28: "incidnt" is near to "incident"
  when   = "incident.name != 'f'"
  outbound { short_description = "{{ incident.name }}" }
}
template "g" {
  target = servicenow.itsm.incident
  when   = "incident.name.matches('(')" # ERROR: 35: invalid regular expression
  outbound { short_description = "{{ incident.name }}" }
  lifecycle { parent_wait = "1ms" } # ERROR: 29: parent_wait must be between 1s and 30d
}
template "h" {
  target = jira.eng.issue
  when   = "incident.mode == 'test'"
  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound { summary = "{{ incident.name }}" }
}
template "incident" {
  target = incidentio.acme.incident
  once {
    call_url   = "https://call.example/1" # ERROR: 5: field "call_url" of incident cannot be set when it is opened
    visibility = "secret"                 # ERROR: 18: "secret" is not a choice of field "visibility"
    custom_fields = {
      "Lockstep key" = "mine" # ERROR: 24: field "custom_fields" does not take "mine"
    }
  }
  outbound {
    name = "{{ incident.short_description }}"
    mode = "test" # ERROR: 5: field "mode" of incident is set only when it is opened
  }
}

connector "servicenow" "fast" {
  url           = "https://acme.service-now.com"
  username      = "u"
  password      = "p"
  poll_interval = "1ns" # ERROR: 19: poll_interval must be between 1s and 7d
}
