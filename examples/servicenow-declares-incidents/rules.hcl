# An incident may begin on either side: a ServiceNow incident of impact 1 and urgency 1 is
# declared in incident.io, and what people declare in incident.io gets a
# ServiceNow incident. Neither comes back to where it began.

connector "incidentio" "acme" {
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET")
}

connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "incidentio.sync"
  password = env("SERVICENOW_PASSWORD")
}

state_table "incident" {
  state "open" {
    incidentio = ["category:live", "category:triage", "category:paused"]
    servicenow = [2, 1, 3]
  }
  state "done" {
    incidentio = ["category:closed", "category:learning", "category:merged", "category:declined", "category:canceled"]
    servicenow = [6, 7, 8]
  }
}

# From ServiceNow to incident.io.

route "declare" {
  source    = servicenow.itsm.incident
  templates = [template.declare]
}

template "declare" {
  target = incidentio.acme.incident
  when   = "incident.impact == 1 && incident.urgency == 1 && incident.state in [1, 2]"

  once {
    incident_type = "Production"
    visibility    = "public"
    severity      = "{{ lookup({1: 'Critical', 2: 'Major'}, incident.impact, 'Minor') }}"
  }

  outbound {
    name    = "{{ incident.short_description }}"
    summary = "{{ incident.description }}"
  }

  inbound {
    u_incident  = "{{ ticket.number }}"
    close_code  = "{{ ticket.incident_status.category in ['live', 'triage', 'paused'] ? null : 'Solution provided' }}"
    close_notes = "{{ ticket.incident_status.category in ['live', 'triage', 'paused'] ? null : 'Ended in incident.io' }}"
  }

  state {
    table     = state_table.incident
    direction = "both"
  }

  comments {
    outbound {
      from = ["work_notes"]
      to   = "timeline"
    }
    inbound {
      from = ["update"]
      to   = "work_notes"
    }
  }
}

# From incident.io to ServiceNow. What ServiceNow declared is left out by itself.

route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.ticket]
}

template "ticket" {
  target = servicenow.itsm.incident

  once {
    impact  = 2
    urgency = 2
  }

  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }}"
    close_code        = "{{ state == 'done' ? 'Solution provided' : null }}"
    close_notes       = "{{ state == 'done' ? 'Resolved in incident.io' : null }}"
  }

  inbound {
    custom_fields = { "ServiceNow ticket" = "{{ ticket.number }}" }
  }

  state {
    table     = state_table.incident
    direction = "both"
  }
}
