route "a" {
  source    = incidentio.acme.incidnt # ERROR: 31: incidentio has no record type "incidnt"
  templates = [template.secuirty, "template.security", security] # ERROR: 25: unknown template "secuirty" # ERROR: 35: expected a reference to a template # ERROR: 56: expected a reference to a template
}

route "b" {
  source    = incidentio.acm.incident # ERROR: 26: unknown connector "acm"
  templates = [template.security]
}

route "c" {
  source    = incidentoi.acme.incident # ERROR: 15: unknown connector type "incidentoi"
  templates = [template.security]
}

route "d" {
  source    = acme.incident # ERROR: 15: unknown connector type "acme"
  templates = [template.security]
}

route "e" {
  source    = "incidentio.acme.incident" # ERROR: 15: source must name a record type
  templates = [template.security]
}

route "f" {
  source    = servicenow.acme.incident # ERROR: 26: "acme" is not of type servicenow
  templates = [template.security]
  no_match  = template.cat # ERROR: 24: unknown template "cat"
}

template "security" {
  target = servicenow.itsm.incident
  once {
    category = var.nope # ERROR: 20: unknown variable "nope"
    urgency  = local.urgancy # ERROR: 22: unknown local "urgancy"
  }
  outbound {
    short_description = incident.name # ERROR: 25: unknown name "incident"
    description       = both # ERROR: 25: unknown name "both"
  }
  state {
    table = state_table.incidents # ERROR: 25: unknown state_table "incidents"
  }
}

locals {
  urgency = 1
}

state_table "incident" {
  state "open" { servicenow = [1] }
}
