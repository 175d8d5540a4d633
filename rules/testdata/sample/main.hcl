variable "instance" {
  description = "Our ServiceNow instance"
  default     = "https://acme.service-now.com"
}

locals {
  urgency = { Critical = 1, Major = 2, Minor = 3 }
}

connector "incidentio" "acme" {
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET")
  # api_url      = "https://api.incident.io"      the default; tests and proxies set it
}

connector "servicenow" "itsm" {
  url      = var.instance
  username = "incidentio.sync"
  password = env("SERVICENOW_PASSWORD")
  # or an oauth block (client credentials; with username and password as well, the password grant):
  # oauth {
  #   client_id     = "…"
  #   client_secret = env("SERVICENOW_CLIENT_SECRET")
  # }
}

connector "jira" "eng" {
  url       = "https://acme.atlassian.net"
  email     = "bot@acme.example"
  api_token = env("JIRA_API_TOKEN")
}

state_table "incident" {
  state "open" {
    incidentio = ["category:live", "category:triage", "category:paused"]
    servicenow = [2, 1, 3] # any of them is read, the first is written: a reopened ticket is In Progress
  }
  state "done" {
    incidentio = ["category:learning", "category:closed", "category:merged", "category:declined", "category:canceled"]
    servicenow = [6, 7, 8]
  }
}

state_table "follow_up" {
  state "open" {
    incidentio = ["outstanding"]
    servicenow = [1, 2, 3, 4, 5]
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

route "incidents" {
  source    = incidentio.acme.incident
  create    = true  # the "Create tickets" switch; false keeps existing links in step, opens no new ticket
  private   = false # include private incidents
  templates = [template.engineering, template.security]
  no_match  = template.catch_all # leave out: no ticket
}

route "follow_ups" {
  source    = incidentio.acme.follow_up
  templates = [template.follow_up]
}

template "engineering" {
  target = jira.eng.issue
  when   = "incident.incident_type.name == 'Engineering'"

  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound {
    summary     = "{{ incident.name }}"
    description = "{{ incident.summary }}"
  }
}

template "security" {
  target = servicenow.itsm.incident
  when   = "incident.incident_type.name == 'Security' || incident.severity.name == 'Critical'"

  once { # written when the ticket is opened, then left to people
    state     = 1
    urgency   = "{{ lookup(local.urgency, incident.severity.name, 3) }}"
    impact    = 2
    opened_by = ref("user_name", "incidentio.sync")
    caller_id = ref("email", "{{ incident.creator.user.email }}", null)
  }

  outbound { # incident to ticket: at creation and on every edit
    short_description = "{{ incident.name }}"
    description       = <<-EOT
      {{ incident.summary }}

      {{ incident.permalink }}
    EOT
    close_code        = "{{ state == 'done' ? 'Solution provided' : null }}"
    close_notes       = "{{ state == 'done' ? 'Resolved in ' + incident.reference : null }}"
  }

  inbound { # ticket to incident
    custom_fields = { "ServiceNow ticket" = "{{ ticket.number }}" }
  }

  state { # both ways through one table
    table     = state_table.incident
    direction = "both" # outbound | inbound | both
  }

  comments { # a direction that is left out is off
    inbound { from = ["work_notes", "comments"] }
    outbound { to = "work_notes" }
  }

  attachments {
    inbound {
      types    = ["image/*"] # the default
      max_size = "10MiB"     # the default
    }
  }
}

template "catch_all" {
  target = servicenow.itsm.incident
  once { state = 1 }
  outbound { short_description = "{{ incident.name }}" }
}

template "follow_up" {
  target = servicenow.itsm.incident
  once {
    state  = 1
    parent = "{{ parent.ticket.id }}"
  }
  outbound {
    short_description = "{{ follow_up.title }}"
    description       = "{{ follow_up.description }}"
  }
  state {
    table     = state_table.follow_up
    direction = "inbound"
  }
}
