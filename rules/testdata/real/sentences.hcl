# What is said of a mistake is what has to be known to put it right.

locals {
  a-b   = "x"
  token = env("TOKEN")
}

variable "given" {
  default = local.a-b # ERROR: 13: a default cannot use local.a-b
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.t, template.extending, template.unquoted]
}

template "t" {
  target = servicenow.itsm.incident
  when   = "incident.severity.rank + 1u > 2" # ERROR: 36: cannot add an int and an unsigned int
  once {
    category     = "{{ local.a-b }}" # ERROR: 30: unknown field "a"
    contact_type = "{{ incident.token }}" # ERROR: 33: unknown field "token"
    subcategory  = "{{ local.token }}" # ERROR: 30: unknown field "token"
  }
  outbound {
    short_description = "{{ incident.severity }}" # ERROR: 25: field "short_description" must be a string, not an object
    description       = "{{ 1.0 == 1 ? 'a' : 'b' }}" # ERROR: 33: cannot compare a double with an int
    caller_id         = "{{ ref('email', incident.creator.user.email) }}" # ERROR: 29: unknown function "ref"
    close_notes       = "{{ incident.name.matches('a(?!b)') ? 'a' : 'b' }}" # ERROR: 51: invalid regular expression
    close_code        = "{{ incident.custom_fields }}" # ERROR: 25: field "close_code" must be a string, not a map
  }
}

template "base" {
  target = servicenow.itsm.incident
  outbound { short_description = "{{ incident.nam }}" } # ERROR: 47: unknown field "nam"
}
template "extending" {
  extends = template.base
  when    = "incident.mode == 'standard'"
}
template "unquoted" {
  target = servicenow.itsm.incident
  when   = incident.severity.name == "Critical" # ERROR: 12: a condition is written in quotes
  outbound { short_description = "{{ incident.name }}" }
}
