# What a condition was to be is not known: nothing after it is called unreachable.
route "r" {
  source    = incidentio.acme.incident
  templates = [template.unquoted, template.secret, template.rest]
}

template "unquoted" {
  target = servicenow.itsm.incident
  when   = incident.name # ERROR: 12: a condition is written in quotes
  outbound { short_description = "x" }
}

template "secret" {
  target = servicenow.itsm.incident
  when   = "incident.name == '${env("TOKEN")}'" # ERROR: 12: a sensitive value in a condition
  outbound { short_description = "x" }
}

template "rest" {
  target = servicenow.itsm.incident
  outbound { short_description = "x" }
}
