template "a" {
  target = servicenow.itsm.incident
  target = servicenow.itsm.incident # ERROR: 3: attribute redefined
  outbound { short_description = "{{ incident.nmae }}" } # ERROR: 47: unknown field "nmae"
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.a]
}
