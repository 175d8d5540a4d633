# Thirty teams, thirty templates: each says what is its own, and takes the rest from
# one that they all extend.

connector "incidentio" "acme" {
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET")
}

connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "incidentio.sync"
  password = env("SERVICENOW_PASSWORD")
}

# What all tickets have in common.
template "team" {
  target = servicenow.itsm.incident

  once {
    state    = 1 # New
    impact   = 2
    category = "software"
    urgency  = "{{ lookup(local.urgency, incident.severity.name, 3) }}"
  }

  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }}"
  }
}

locals {
  urgency = { Critical = 1, Major = 2, Minor = 3 }
}
