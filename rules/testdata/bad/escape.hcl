template "a" {
  target = servicenow.itsm.incident
  when   = "incident.name.matches(r'\d')" # ERROR: 37: invalid escape sequence
}
