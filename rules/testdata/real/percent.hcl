template "t" {
  target = servicenow.itsm.incident
  outbound {
    short_description = "100%{{ incident.name }}" # ERROR: 29: "%{" begins a directive of HCL
  }
}
