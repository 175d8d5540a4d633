template "t" {
  target = servicenow.itsm.incident
  when   = “incident.severity.name == 'Critical'” # ERROR: 12: a condition is written in quotes
}
