route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.wide]
}

template "wide" {
  target = servicenow.itsm.incident
  when   = "incident.name == '漢字' && incident.sev == 'x'" # ERROR: 47: unknown field "sev"
  outbound { short_description = "x" }
}
