route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b, template.c, template.d] # WARNING: 28: template "b" cannot be reached # WARNING: 40: template "c" cannot be reached
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode in ['standard', 'test']"
  outbound { short_description = "x" }
}

template "b" {
  target = servicenow.itsm.incident
  when   = "incident.name != '' && incident.mode == 'test'"
  outbound { short_description = "x" }
}

template "c" {
  target = servicenow.itsm.incident
  when   = "'test' == incident.mode || incident.mode == 'standard'"
  outbound { short_description = "x" }
}

template "d" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'test' || incident.name == 'test'"
  outbound { short_description = "x" }
}
