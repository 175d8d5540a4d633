route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.always, template.hidden, template.elsewhere] # WARNING: 45: template "hidden" cannot be reached
  no_match  = template.conditional # WARNING: 15: the condition of template "conditional" is not asked
}

route "s" {
  source    = incidentio.acme.incident
  templates = [template.a, template.elsewhere]
  no_match  = template.conditional # WARNING: 15: the condition of template "conditional" is not asked
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standard'"
  outbound { short_description = "x" }
}

template "always" {
  target = servicenow.itsm.incident
  when   = "1 < 2 || incident.name == 'x'"
  outbound { short_description = "x" }
}

template "hidden" {
  target = servicenow.itsm.incident
  outbound { short_description = "x" }
}

template "elsewhere" {
  target = servicenow.itsm.incident
  when   = "incident.name == 'x'"
  outbound { short_description = "x" }
}

template "conditional" {
  target = servicenow.itsm.incident
  when   = "incident.name == 'y'"
  outbound { short_description = "x" }
}

template "unused" { # WARNING: 1: no route uses template "unused"
  target = servicenow.itsm.incident
  outbound { short_description = "{{ follow_up.title }}" }
}

template "unused_and_wrong" { # WARNING: 1: no route uses template "unused_and_wrong"
  target = servicenow.itsm.incident
  outbound { short_description = "{{ follow_up.titel }}" } # ERROR: 48: unknown field "titel"
}

template "incomplete" { # WARNING: 1: template "incomplete" does not set issuetype # WARNING: 1: template "incomplete" does not set project # WARNING: 1: no route uses template "incomplete"
  extends = template.base
  when    = "incident.name == 'z'"
}

template "base" {
  target = jira.eng.issue
  outbound { summary = "{{ incident.name }}" }
}
