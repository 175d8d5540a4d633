template "a" {
  target = servicenow.itsm.incident
  outbound { short_description = {{ incident.name }} } # ERROR: 51: missing key/value separator
}
