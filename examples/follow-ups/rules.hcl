# Follow-ups become tickets of their own, below the ticket of their incident, and
# are completed there.

connector "incidentio" "acme" {
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET")
}

connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "incidentio.sync"
  password = env("SERVICENOW_PASSWORD")
}

route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.incident]
}

route "follow_ups" {
  source    = incidentio.acme.follow_up
  templates = [template.follow_up]
}

template "incident" {
  target = servicenow.itsm.incident
  outbound { short_description = "{{ incident.name }}" }
}

template "follow_up" {
  target = servicenow.itsm.incident

  once {
    state   = 1
    urgency = 3
    impact  = 3

    # The ticket of its incident, in the same ServiceNow. A follow-up that comes
    # first waits for it, ten minutes at the most (lifecycle.parent_wait).
    parent = "{{ parent.ticket.id }}"
  }

  # Who edits the title on either side has edited it on both.
  outbound {
    short_description = "{{ follow_up.title }}"
    description       = "{{ follow_up.description }} ({{ parent.incident.reference }})"
    close_code        = "{{ state == 'open' ? null : 'Solution provided' }}"
    close_notes       = "{{ state == 'open' ? null : 'Closed with its follow-up.' }}"
  }
  inbound { title = "{{ ticket.short_description }}" }

  state {
    table     = state_table.follow_up
    direction = "both"
  }
}

state_table "follow_up" {
  state "open" {
    incidentio = ["outstanding"]
    servicenow = [1, 2, 3]
  }
  state "completed" {
    incidentio = ["completed"]
    servicenow = [6, 7]
  }
  state "dropped" {
    incidentio = ["not_doing"]
    servicenow = [8]
  }
}
