route "r" {
  source    = incidentio.acme.incident
  templates = [template.pair, template.ring]
}

route "s" {
  source    = incidentio.acme.incident
  templates = [template.half]
}

route "t" {
  source    = incidentio.acme.incident
  templates = [template.other_half]
}

template "pair" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standard'"
  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }} {{ incident.custom_fields['Ticket'] }}"
  }
  inbound {
    name          = "{{ ticket.short_description }}"
    custom_fields = { "Ticket number" = "{{ ticket.description }}" }
  }
}

template "ring" {
  target = servicenow.itsm.incident
  outbound {
    short_description = "{{ incident.name }}"
    close_notes       = "{{ incident.summary }}"
  }
  inbound {
    summary = "{{ ticket.short_description }}"
    name    = "{{ ticket.close_notes }}" # ERROR: 5: mappings that feed each other in a cycle
  }
}

template "half" {
  target = jira.eng.issue
  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound { summary = "{{ incident.custom_fields['A'] }}" }
  inbound { custom_fields = { "B" = "{{ ticket.summary }}" } }
}

template "other_half" {
  target = servicenow.itsm.incident
  once { short_description = "x" }
  outbound { u_b = "{{ incident.custom_fields['B'] }}" }
  inbound { custom_fields = { "A" = "{{ ticket.u_b }}" } } # ERROR: 13: mappings that feed each other in a cycle
}
