# Two ServiceNow instances. A custom field of the incident, "Region", says which
# of them gets the ticket.

connector "incidentio" "acme" {
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET")
}

connector "servicenow" "europe" {
  url      = "https://acme-eu.service-now.com"
  username = "incidentio.sync"
  password = env("SERVICENOW_EUROPE_PASSWORD")
}

connector "servicenow" "america" {
  url      = "https://acme-us.service-now.com"
  username = "incidentio.sync"
  password = env("SERVICENOW_AMERICA_PASSWORD")
}

# Without a region there is no ticket; one that is chosen later opens it.
route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.europe, template.america]
}

template "europe" {
  extends = template.ticket
  target  = servicenow.europe.incident
  when    = "incident.custom_fields['Region'] == 'Europe'"
}

template "america" {
  extends = template.ticket
  target  = servicenow.america.incident
  when    = "incident.custom_fields['Region'] in ['North America', 'South America']"
}

# What tickets of both instances have in common: it has no target of its own.
template "ticket" {
  once {
    state  = 1 # New
    impact = 2
  }

  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }}"
  }
}
