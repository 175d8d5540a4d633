# A template is checked against every source that brings records to it.
route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.a]
}
route "follow_ups" {
  source    = incidentio.acme.follow_up
  templates = [template.a]
}

template "a" {
  target = servicenow.itsm.incident
  outbound {
    short_description = "{{ incident.name }}" # ERROR: 29: unknown name "incident"
    description       = "{{ other.name }}" # ERROR: 29: unknown name "other"
  }
}
