# Closed lists and contradictions, however they are written.

locals {
  mode  = "standrd"
  cats  = ["live", "lve"]
  none  = []
  limit = 3
}

route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b, template.c, template.d, template.e, template.f, template.g, template.h, template.i, template.j, template.k, template.l, template.m, template.n] # WARNING: 88: template "g" cannot be reached
}

route "follow_ups" {
  source    = incidentio.acme.follow_up
  templates = [template.follow_up]
}

template "base" {
  target = servicenow.itsm.incident
  outbound { short_description = "{{ incident.name }}" }
}

template "a" {
  extends = template.base
  when    = "incident.mode == local.mode" # WARNING: 37: incident.mode is never "standrd"
}
template "b" {
  extends = template.base
  when    = "incident.incident_status.category in local.cats" # WARNING: 57: incident.incident_status.category is never "lve"
}
template "c" {
  extends = template.base
  when    = "['live', 'lve'].exists(c, c == incident.incident_status.category)" # WARNING: 23: incident.incident_status.category is never "lve"
}
template "d" {
  extends = template.base
  when    = "incident.custom_field_entries.exists(e, e.custom_field.field_type == 'sngle_select')" # WARNING: 83: an element of incident.custom_field_entries.custom_field.field_type is never "sngle_select"
}
template "e" {
  extends = template.base
  when    = "incident.mode == 'standard' && !(incident.mode in ['standard', 'test'])" # WARNING: 13: this condition is never true
}
template "f" {
  extends = template.base
  when    = "incident.severity.rank > local.limit && incident.severity.rank <= 3" # WARNING: 13: this condition is never true
}
template "g" {
  extends = template.base
  when    = "incident.mode in local.none" # WARNING: 13: this condition is never true
}
template "h" {
  extends = template.base
  when    = "incident.severity == null && incident.severity.name == 'x'" # WARNING: 13: this condition is never true
}
template "i" {
  extends = template.base
  when    = "!(incident.mode in ['standard', 'retrospective', 'test', 'tutorial']) && incident.mode != null" # WARNING: 13: this condition is never true
}
template "j" {
  extends = template.base
  when    = "cel.bind(m, incident.mode, m == 'standrd')" # WARNING: 46: incident.mode is never "standrd"
}
template "k" {
  extends = template.base
  when    = "incident.severity.rank > 2 && incident.severity.rank < 4 && incident.severity.rank != 3" # WARNING: 13: this condition is never true
}
template "l" {
  extends = template.base
  when    = "has(incident.severity) && incident.severity == null" # WARNING: 13: this condition is never true
}
template "m" { # none of these contradicts itself
  extends = template.base
  when    = "incident.severity.rank > 2 && incident.severity.rank < 5 && incident.mode != 'test' && !(incident.name in ['x']) && incident.severity.name != null && (incident.severity == null || incident.severity.rank >= 3)"
}
template "n" {
  extends = template.base
  outbound {
    description = "{{ incident.mode == 'test' && incident.mode == 'standard' ? 'both' : incident.summary }}" # WARNING: 47: the condition before this ? is never true
  }
}
template "follow_up" {
  target = servicenow.itsm.incident
  when   = "follow_up.status == 'outstandin' || parent.incident.mode in ['tset']" # WARNING: 33: follow_up.status is never "outstandin" # WARNING: 74: parent.incident.mode is never "tset"
  outbound { short_description = "{{ follow_up.title }}" }
}
