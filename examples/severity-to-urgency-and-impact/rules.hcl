# The severity of an incident gives its ticket an urgency and an impact, from which
# ServiceNow makes the priority.

connector "incidentio" "acme" {
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET")
}

connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "incidentio.sync"
  password = env("SERVICENOW_PASSWORD")
}

locals {
  # ServiceNow's numbers: 1 high, 2 medium, 3 low.
  urgency = { Critical = 1, Major = 2, Minor = 3 }
  impact  = { Critical = 1, Major = 1, Minor = 2 }
}

route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.ticket]
}

template "ticket" {
  target = servicenow.itsm.incident

  # Kept in step: a new severity changes both, unless somebody in ServiceNow has
  # set them since; put them into once to leave them to people for good.
  outbound {
    short_description = "{{ incident.name }}"
    urgency           = "{{ lookup(local.urgency, incident.severity.name, 3) }}"
    impact            = "{{ lookup(local.impact, incident.severity.name, 3) }}"
  }
}
