template "a" {
  target = servicenow.itsm.incident
  target = servicenow.itsm.incident # ERROR: 3: attribute redefined
}
