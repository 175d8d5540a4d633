template "a" {
  target = servicenow.itsm.incident
  when   = "incident.name == "x"" # ERROR: 31: missing newline after argument
}
