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

route "numbers" {
  source    = incidentio.acme.incident
  templates = [template.e, template.f, template.g, template.h] # WARNING: 28: template "f" cannot be reached # WARNING: 52: template "h" cannot be reached
}

template "e" {
  target = servicenow.itsm.incident
  when   = "incident.custom_fields['Size'] in [1, 2.0]"
  outbound { short_description = "x" }
}

template "f" {
  target = servicenow.itsm.incident
  when   = "incident.custom_fields['Size'] == 2"
  outbound { short_description = "x" }
}

template "g" {
  target = servicenow.itsm.incident
  when   = "incident.custom_fields['Size'] == 3 || incident.custom_fields['Big'] == true"
  outbound { short_description = "x" }
}

template "h" {
  target = servicenow.itsm.incident
  when   = "incident.name != '' && 1.0 == incident.custom_fields['Size']"
  outbound { short_description = "x" }
}
