connector "incidentio" "acme" { api_key = env("LOCKSTEP_TEST_NO_SUCH_KEY") }

connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "lockstep"
  password = env("LOCKSTEP_TEST_NO_SUCH_PASSWORD")
}

connector "jira" "eng" {
  url       = "https://acme.atlassian.net"
  email     = "bot@acme.example"
  api_token = env("LOCKSTEP_TEST_NO_SUCH_TOKEN")
}

route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.security]
}

route "engineering" {
  source    = incidentio.acme.incident
  templates = [template.engineering]
}

route "follow_ups" {
  source    = incidentio.acme.follow_up
  templates = [template.follow_up]
}

template "security" {
  target = servicenow.itsm.incident
  when   = "incident.severity.name == 'Critical'"

  once {
    state        = 1
    caller_id    = ref("email", "{{ incident.creator.user.email }}", null)
    opened_by    = ref("user_name", "{{ incident.roles['Lead'].name }}", ref("email", "lead@acme.example"))
    contact_type = "email"
  }
  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }}"
    assigned_to       = ref("email", "{{ incident.roles['Lead'].email }}", null)
    urgency           = "{{ incident.custom_fields['Urgency'] }}"
    close_code        = "{{ state == 'open' ? null : 'Solution provided' }}"
    close_notes       = "{{ state == 'open' ? null : 'Done.' }}"
  }
  inbound {
    summary       = "{{ ticket.description }}"
    custom_fields = { Ticket = "{{ ticket.number }}", "On hold" = "{{ ticket.hold_reason }}" }
  }
  state { table = state_table.incident }
  comments {
    inbound { from = ["work_notes"] }
    outbound { to = "comments" }
  }
  attachments {
    inbound {}
  }
  lifecycle { on_delete = "close" }
}

template "engineering" {
  target = jira.eng.issue
  when   = "incident.incident_type.name == 'Engineering'"

  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound {
    summary = "{{ incident.name }}"
    labels  = "{{ incident.custom_fields['Labels'] }}"
  }
  inbound {
    custom_fields = { Issue = "{{ ticket.number }}" }
  }
  comments {
    inbound {}
  }
}

template "follow_up" {
  target = servicenow.itsm.incident
  once {
    state  = 1
    parent = "{{ parent.ticket.id }}"
  }
  outbound { short_description = "{{ follow_up.title }}" }
  inbound { assignee = ref("email", "{{ ticket.u_mail }}", null) }
}

state_table "incident" {
  state "open" {
    incidentio = ["Triage", "Investigating", "category:live", "category:triage", "category:paused"]
    servicenow = [2, 1, 3]
  }
  state "done" {
    incidentio = ["category:closed", "category:learning", "category:merged", "category:declined", "category:canceled"]
    servicenow = [6, 7, 8]
  }
}
