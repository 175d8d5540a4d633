# What a connector refuses without asking anyone is refused at load.

route "r" {
  source    = incidentio.acme.incident
  templates = [template.issue, template.ticket]
}

template "issue" {
  target = jira.eng.issue
  when   = "incident.mode == 'standard'"
  once {
    project      = "ENG"
    issuetype    = "Bug"
    labels       = ["good", "two words"] # ERROR: 29: field "labels" does not take "two words"
    duedate      = "next week" # ERROR: 20: field "duedate" does not take "next week"
    assignee     = "lisa@acme.example" # ERROR: 20: field "assignee" does not take "lisa@acme.example"
    timetracking = { originalEstimate = "3 moons", remainingEstimate = "3h 20m" } # ERROR: 41: field "timetracking" does not take "3 moons"
  }
  outbound {
    summary  = "{{ incident.name }}"
    reporter = "{{ incident.severity == null ? 'nobody at all' : null }}" # ERROR: 48: field "reporter" does not take "nobody at all"
  }
  inbound {
    name       = "" # ERROR: 18: field "name" does not take ""
    roles      = { Lead = "Lisa Karlin" } # ERROR: 27: field "roles" does not take "Lisa Karlin"
    timestamps = { "Fixed at" = "noon" } # ERROR: 33: field "timestamps" does not take "noon"
  }
}

template "ticket" {
  target = servicenow.itsm.incident
  once {
    state       = 1
    caller_id   = "lisa@acme.example" # ERROR: 19: field "caller_id" does not take "lisa@acme.example"
    due_date    = "2026-01-02 10:00:00"
    opened_at   = "tomorrow" # ERROR: 19: field "opened_at" does not take "tomorrow"
    watch_list  = ["lisa@acme.example"]
    assigned_to = "{{ incident.reference }} Joe" # ERROR: 19: field "assigned_to" takes no such text, whatever stands for its expressions
    urgency     = "{{ incident.mode == 'test' ? 7 : 3 }}" # ERROR: 49: 7 is not a choice of field "urgency"
    close_notes = "**bold**"
  }
  outbound { short_description = "{{ incident.name }}" }
}
