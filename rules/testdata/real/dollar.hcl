template "t" {
  target = servicenow.itsm.incident
  outbound {
    short_description = "${{ incident.name }}" # ERROR: 26: "${" begins an expression of HCL
  }
}
