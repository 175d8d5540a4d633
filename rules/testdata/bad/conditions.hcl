route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b, template.c, template.d, template.e]
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.severty.name == 'Critical'" # ERROR: 22: unknown field "severty"
  outbound { short_description = "é 🙂 {{ incident.nmae }}" } # ERROR: 51: unknown field "nmae"
}

template "b" {
  target = servicenow.itsm.incident
  when   = "incident.name" # ERROR: 13: a condition must be a bool, not a string
  outbound { short_description = "{{ incident.name }" } # ERROR: 35: "{{" is not closed
}

template "c" {
  target = servicenow.itsm.incident
  when   = "incident.name ==" # ERROR: 27: the expression ends too early
  outbound {
    short_description = "\u00e9\t{{ incident.name + 5 }}" # ERROR: 51: cannot add a string and an int
    description       = <<-EOT
      first line
      {{ incident.sumary }}
    EOT
    # ERROR(-2): 19: unknown field "sumary"
  }
}

template "d" {
  target = servicenow.itsm.incident
  when   = "state == 'open'" # ERROR: 13: unknown name "state"
  outbound { short_description = "{{ ticket.number }} {{ }}" } # ERROR: 38: unknown name "ticket" # ERROR: 55: empty expression
}

template "e" {
  target = servicenow.itsm.incident
  when   = "" # ERROR: 12: empty condition
  outbound { short_description = "{{ var.x }} {{ local.token }}" } # ERROR: 38: var is not known in expressions # ERROR: 56: unknown field "token"
}

locals {
  token = env("TOKEN")
}
