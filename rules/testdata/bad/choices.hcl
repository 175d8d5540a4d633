route "r" {
  source    = incidentio.acme.incident
  templates = [template.a]
}

template "a" {
  target = servicenow.itsm.incident
  once {
    state    = 99
    category = "anything"
    urgency  = "{{ incident.severity.name == 'Critical' ? 1 : 4 }}" # ERROR: 63: 4 is not a choice of field "urgency"
    impact   = "{{ incident.severity.name == 'Critical' ? 'urgent' : null }}" # ERROR: 59: field "impact" must be a whole number, not a string
  }
  outbound {
    short_description = "x"
  }
}
