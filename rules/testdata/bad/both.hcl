# A mistake in a value hides none in the name beside it.
route "r" {
  source    = incidentio.acme.incident
  templates = [template.a]
}

template "a" {
  target = servicenow.itsm.incident
  once {
    urgancy        = "{{ incident.nmae }}" # ERROR: 5: incident has no field "urgancy" # ERROR: 35: unknown field "nmae"
    correlation_id = local.nothing # ERROR: 5: field "correlation_id" is lockstep's own # ERROR: 28: unknown local "nothing"
    impact         = "2 - Medium"
    urgency        = "2 - High" # ERROR: 22: field "urgency" must be a whole number, not a string
    number         = lowr("x") # ERROR: 5: field "number" of incident is read-only # ERROR: 22: unknown function "lowr"
  }
  outbound {
    short_description = "{{ size() }}" # ERROR: 29: size needs an argument
  }
  inbound {
    nmae = "{{ ticket.nmber }}" # ERROR: 5: incident has no field "nmae" # ERROR: 23: unknown field "nmber"
  }
}
