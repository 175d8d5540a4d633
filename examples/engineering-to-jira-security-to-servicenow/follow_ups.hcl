# A follow-up goes where its incident went: below its issue in Jira, or below its
# incident in ServiceNow. It is completed there. It waits a while for the ticket
# of its incident, and is as private as the incident.

route "follow_ups" {
  source    = incidentio.acme.follow_up
  templates = [template.engineering_follow_up, template.security_follow_up]
}

template "engineering_follow_up" {
  target = jira.eng.issue
  when   = "parent.incident.incident_type.name == 'Engineering' && parent.incident.severity.name in ['Major', 'Critical']"

  once {
    project    = "ENG"
    issuetype  = "Sub-task"
    parent     = "{{ parent.ticket.number }}"
    resolution = "Done"
  }

  outbound {
    summary     = "{{ follow_up.title }}"
    description = "{{ follow_up.description }}"
  }

  state {
    table     = state_table.follow_up
    direction = "inbound"
  }
}

template "security_follow_up" {
  target = servicenow.itsm.incident
  when   = "parent.incident.incident_type.name == 'Security' || parent.incident.severity.name == 'Critical'"

  once {
    state     = 1
    opened_by = ref("user_name", var.servicenow_user)
    parent    = "{{ parent.ticket.id }}"
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

state_table "follow_up" {
  state "open" {
    incidentio = ["outstanding"]
    servicenow = [1, 2, 3] # New, In Progress, On Hold
    jira       = ["To Do", "In Progress", "In Review"]
  }
  state "completed" {
    incidentio = ["completed"]
    servicenow = [6, 7]
    jira       = ["Done"]
  }
  state "dropped" {
    incidentio = ["not_doing"]
    servicenow = [8]
    jira       = ["Cancelled"]
  }
}
