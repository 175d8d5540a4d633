route "incidents" { # ERROR: 1: a route has no source
  sorce     = incidentio.acme.incident # ERROR: 3: unknown attribute "sorce" in a route
  templates = [template.a]
}

route "no_templates" { # ERROR: 1: a route has no templates
  source = incidentio.acme.incident
}

route "none" {
  source    = incidentio.acme.incident
  templates = [] # ERROR: 15: a route without templates
}

route "types" {
  source    = incidentio.acme.incident
  templates = template.a # ERROR: 15: templates must be a list
  create    = "maybe" # ERROR: 15: create must be true or false
}

route "blocks" {
  source    = incidentio.acme.incident
  templates = [template.a]
  private {} # ERROR: 3: "private" is an attribute
  once {} # ERROR: 3: unknown block "once" in a route
}

template "a" {
  target = servicenow.itsm.incident
  outbound { short_description = "{{ incident.name }}" }
}
