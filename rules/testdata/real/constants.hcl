# Parts that fail whatever the record is, each at its own place.

locals {
  zone    = "Europe/Berln"
  pattern = "(a"
  urgency = { Critical = 1 }
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.a]
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.created_at.getHours(local.zone) > 8" # ERROR: 33: this always fails
  outbound {
    short_description = "{{ regex.extract(incident.name, '([').orValue('') }}" # ERROR: 58: invalid regular expression
    description       = "{{ incident.name.substring(-1) }}" # ERROR: 43: this always fails
    close_notes       = "{{ regex.replace(incident.name, 'a', 'b\\\\1') }}" # ERROR: 63: this always fails
    close_code        = "{{ incident.name.matches(local.pattern) ? 'x' : null }}" # ERROR: 57: invalid regular expression
    u_a               = "{{ incident.name.size() / 0 }}" # ERROR: 50: this always fails
    u_b               = "{{ timestamp('x') }}" # ERROR: 29: this always fails
    u_c               = "{{ duration('1d') }}" # ERROR: 29: this always fails
    u_d               = "{{ int('x') }}" # ERROR: 29: this always fails
    u_e               = "{{ incident.name.split('-')[-1] }}" # ERROR: 53: this always fails
    u_f               = "{{ local.urgency['Critcal'] }}" # ERROR: 42: this always fails
    u_g               = "{{ timestamp(local.zone) }}" # ERROR: 29: this always fails
  }
}
