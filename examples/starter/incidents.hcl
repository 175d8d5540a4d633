# Which incidents become ServiceNow incidents, and what is in them.
#
# To see what a given incident would get, without any system:
#   lockstep explain -record incident.json .

route "incidents" {
  source = incidentio.acme.incident

  # The "Create tickets" switch. false opens no new ticket, and keeps those
  # that are there in step.
  create = true

  # Private incidents never reach ServiceNow. true would include them.
  private = false

  # Tried in this order; the first whose condition holds is taken.
  templates = [template.security, template.major]

  # An incident that fits none gets no ticket. This would give it one:
  # no_match = template.ticket
}

locals {
  # ServiceNow's numbers: 1 high, 2 medium, 3 low.
  urgency = { Critical = 1, Major = 2, Minor = 3 }
}

# Everything about security, however small.
template "security" {
  extends = template.ticket
  when    = "incident.incident_type.name == 'Security'"

  once {
    category = "software"
  }
}

# Of everybody else's incidents, those that hurt.
template "major" {
  extends = template.ticket
  when    = "incident.severity.name in ['Major', 'Critical']"
}

# What all tickets have in common. The route does not list this one: others
# extend it, and write only what is different.
template "ticket" {
  target = servicenow.itsm.incident

  # Written when the ticket is opened, and then left to the people in ServiceNow.
  once {
    state     = 1 # New
    impact    = 2 # Medium
    urgency   = "{{ lookup(local.urgency, incident.severity.name, 3) }}"
    opened_by = ref("user_name", var.servicenow_user)
  }

  # Kept in step: written when the ticket is opened, and at every edit of the
  # incident.
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

  # Written back: the ticket's number, into a text field of the incident that you
  # make in incident.io under this name.
  inbound {
    custom_fields = { "ServiceNow ticket" = "{{ ticket.number }}" }
  }

  # States go both ways through the table below.
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

  # Pictures on the ticket are linked on the incident.
  attachments {
    inbound {
      types    = ["image/*"]
      max_size = "10MiB"
    }
  }
}

# Which states mean the same. Any value of a list is read, the first is written:
# an incident whose ticket is resolved goes to its post-incident flow.
state_table "incident" {
  state "open" {
    incidentio = ["category:live", "category:triage", "category:paused"]
    servicenow = [2, 1, 3] # In Progress, New, On Hold
  }
  state "done" {
    incidentio = ["category:learning", "category:closed", "category:merged", "category:declined", "category:canceled"]
    servicenow = [6, 7, 8] # Resolved, Closed, Canceled
  }
}
