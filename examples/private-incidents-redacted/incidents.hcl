# Private incidents get a ticket that says nothing of them but that they are.

route "incidents" {
  source  = incidentio.acme.incident
  private = true

  # Private ones come first: the first that matches is taken. A template that is
  # added later belongs below this one.
  templates = [template.redacted, template.open]
}

# No name, no summary, no comments and no files: there is no block for them.
template "redacted" {
  target = servicenow.itsm.incident
  when   = "incident.visibility == 'private'"

  once {
    state   = 1 # New
    impact  = 2
    urgency = 2
  }

  outbound {
    short_description = "Restricted incident {{ incident.reference }}"
    description       = "Ask its lead in incident.io: {{ incident.permalink }}"
  }
}

# An incident that turns private later would otherwise keep its open ticket in
# step: on a route with private = true, every line here asks.
template "open" {
  target = servicenow.itsm.incident

  once {
    state   = 1 # New
    impact  = 2
    urgency = 2
  }

  outbound {
    short_description = "{{ incident.visibility == 'private' ? null : incident.name }}"
    description       = "{{ incident.visibility == 'private' ? null : incident.summary }}"
  }
}
