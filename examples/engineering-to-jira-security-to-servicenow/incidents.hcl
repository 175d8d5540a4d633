# Engineering's incidents become Jira issues, security's and whatever is Critical
# become ServiceNow incidents, all others get no ticket.
#
# To see what a given incident would get, without any system:
#   lockstep explain -record incident.json .

route "incidents" {
  source = incidentio.acme.incident

  # The "Create tickets" switch. false opens no new ticket, and keeps those
  # that are there in step.
  create = true

  # Private incidents never leave incident.io. true would include them.
  private = false

  # Tried in this order; the first whose condition holds is taken, so that a
  # Critical incident of Engineering goes to Jira. A record keeps its ticket,
  # whatever matches later.
  templates = [template.engineering, template.security]

  # An incident that fits none gets no ticket. This would give it one:
  # no_match = template.catch_all
}

locals {
  # ServiceNow's numbers: 1 high, 2 medium, 3 low.
  urgency  = { Critical = 1, Major = 2, Minor = 3 }
  priority = { Critical = "Highest", Major = "High", Minor = "Medium" }
}

# Engineering works in incident.io alone while an incident is small.
template "engineering" {
  target = jira.eng.issue
  when   = "incident.incident_type.name == 'Engineering' && incident.severity.name in ['Major', 'Critical']"

  # Written when the issue is opened, and then left to the people in Jira.
  once {
    project   = "ENG"
    issuetype = "Bug"
    priority  = "{{ lookup(local.priority, incident.severity.name, 'Medium') }}"
    labels    = ["incident"]

    # The screen of the last step to Done asks for it.
    resolution = "Done"
  }

  # Kept in step: written when the issue is opened, and at every edit.
  outbound {
    summary     = "{{ incident.name }}"
    description = <<-EOT
      {{ incident.summary }}

      [{{ incident.reference }}]({{ incident.permalink }})
    EOT
  }

  # Written back, into a custom field of the incident.
  inbound {
    custom_fields = { "Jira issue" = "{{ ticket.number }}" }
  }

  state {
    table = state_table.incident
  }

  comments {
    inbound {}
    outbound { from = ["update"] }
  }

  attachments {
    inbound {} # pictures
  }
}

template "security" {
  target = servicenow.itsm.incident
  when   = "incident.incident_type.name == 'Security' || incident.severity.name == 'Critical'"

  once {
    state     = 1 # New
    impact    = 2 # Medium
    urgency   = "{{ lookup(local.urgency, incident.severity.name, 3) }}"
    opened_by = ref("user_name", var.servicenow_user)
  }

  outbound {
    short_description = "{{ incident.name }}"
    description       = <<-EOT
      {{ incident.summary }}

      {{ incident.reference }}: {{ incident.permalink }}
    EOT

    # ServiceNow asks for these when a ticket is resolved; they travel with it.
    close_code  = "{{ state == 'done' ? 'Solution provided' : null }}"
    close_notes = "{{ state == 'done' ? 'Resolved in ' + (incident.reference == null ? 'incident.io' : incident.reference) : null }}"
  }

  inbound {
    custom_fields = { "ServiceNow ticket" = "{{ ticket.number }}" }
  }

  state {
    table = state_table.incident
  }

  # What is said on one side is copied to the other, once. The incident's
  # updates become work notes, which the caller of a ticket does not see.
  comments {
    inbound { from = ["work_notes", "comments"] }
    outbound {
      from = ["update"]
      to   = "work_notes"
    }
  }

  attachments {
    inbound {
      types    = ["image/*"]
      max_size = "10MiB"
    }
  }
}

# Which states mean the same. Any value of a list is read, the first is written.
state_table "incident" {
  state "open" {
    incidentio = ["category:live", "category:triage", "category:paused"]
    servicenow = [2, 1, 3] # In Progress, New, On Hold
    jira       = ["In Progress", "To Do", "In Review"]
  }
  state "done" {
    incidentio = ["category:learning", "category:closed", "category:merged", "category:declined", "category:canceled"]
    servicenow = [6, 7, 8] # Resolved, Closed, Canceled
    jira       = ["Done", "Cancelled"]
  }
}
