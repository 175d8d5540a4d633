locals {
  title = "{{ incident.nmae }}"
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.a]
}

template "a" {
  target = servicenow.itsm.incident
  outbound {
    short_description = upper("{{ incident.name }}") # ERROR: 25: unknown name "INCIDENT"
    description       = local.title # ERROR: 25: unknown field "nmae"
  }
}
