route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b]
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standard'"

  once {
    urgancy        = 1 # ERROR: 5: incident has no field "urgancy"
    urgency        = "urgent" # ERROR: 22: field "urgency" must be a whole number, not a string
    impact         = 5 # ERROR: 22: 5 is not a choice of field "impact"
    number         = "INC1" # ERROR: 5: field "number" of incident is read-only
    correlation_id = "x" # ERROR: 5: field "correlation_id" is lockstep's own
    opened_by      = ref("emial", "lisa@acme.example") # ERROR: 26: field "opened_by" cannot be looked up by "emial"
    category       = ref("name", "network") # ERROR: 22: field "category" takes no ref()
    assigned_to    = 5 # ERROR: 22: field "assigned_to" must be a reference, not a number
    active         = "yes" # ERROR: 22: field "active" must be true or false, not a string
    watch_list     = "lisa@acme.example" # ERROR: 22: field "watch_list" must be a list, not a string
    opened_at      = "yesterday" # ERROR: 22: field "opened_at" must be a time, not a string
    u_own          = 5
    something_else = 5 # WARNING: 5: unknown field "something_else" of servicenow.itsm.incident
  }
  outbound {
    short_description = 5 # ERROR: 25: field "short_description" must be a string, not a number
    urgency           = 1 # ERROR: 5: field "urgency" in once and in outbound
    description       = ["a"] # ERROR: 25: field "description" must be a string, not a list
    close_notes       = "{{ incident.custom_fields }}" # ERROR: 25: field "close_notes" must be a string, not a map
    close_code        = { a = 1 } # ERROR: 25: field "close_code" must be a string, not an object
    parent            = "{{ 7 }}" # ERROR: 29: field "parent" must be a reference, not a number
  }
  inbound {
    name          = 5 # ERROR: 21: field "name" must be a string, not a number
    reference     = "INC-1" # ERROR: 5: field "reference" of incident is read-only
    incident_type = "Security" # ERROR: 5: field "incident_type" of incident is set only when it is opened
    mode          = "standard" # ERROR: 5: field "mode" of incident is set only when it is opened
    severity      = "{{ ticket.urgency == 1 ? 'Critical' : 3 }}" # ERROR: 45: the branches of ?: are a string and an int
    roles         = { "Incident Lead" = ref("mail", "x") } # ERROR: 45: field "roles" cannot be looked up by "mail"
    nmae          = "x" # ERROR: 5: incident has no field "nmae"
    custom_fields = "x" # ERROR: 21: field "custom_fields" must be an object, not a string
  }
}

template "b" {
  target = jira.eng.issue
  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound {
    summary            = "{{ incident.name }}"
    labels             = ["a", 5] # ERROR: 32: field "labels" must be a string, not a number
    project            = "OPS" # ERROR: 5: field "project" in once and in outbound
    customfield_10010  = 3
    story              = 3 # ERROR: 5: issue has no field "story"
    assignee           = [ref("email", "x")] # ERROR: 26: field "assignee" must be a reference, not a list
  }
}
