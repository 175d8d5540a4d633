template "a" {
  target = servicenow.itsm.incident
  outbound {
    short_description = "{{ incident.name }} # ERROR: 84: invalid multi-line string
    description       = "x"
  }
}
