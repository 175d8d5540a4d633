route "incidents" {
  source = incidentio.acme.incident
  templates = [template.a
  create = true # ERROR: 3: missing item separator
}
