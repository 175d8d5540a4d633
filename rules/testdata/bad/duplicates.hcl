variable "a" { default = 1 }
variable "a" { default = 2 } # ERROR: 10: duplicate variable "a"

locals {
  x = 1
}
locals {
  x = 2 # ERROR: 3: duplicate local "x"
}

connector "incidentio" "acme" {
  api_key = "k"
}
connector "servicenow" "acme" { # ERROR: 24: duplicate connector "acme"
  url = "https://acme.service-now.com"
}
connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "u"
  password = "p"
}

state_table "t" {
  state "open" {
    servicenow = [1]
  }
  state "open" { # ERROR: 9: duplicate state "open"
    servicenow = [2]
  }
}
state_table "t" { # ERROR: 13: duplicate state table "t"
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.a] # ERROR: 28: duplicate template "a" in this route
}
route "r" { # ERROR: 7: duplicate route "r"
  source    = incidentio.acme.incident
  templates = [template.a]
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standard'"
  outbound { short_description = "{{ incident.name }}" }
  outbound {} # ERROR: 3: duplicate block "outbound"
}
template "a" {} # ERROR: 10: duplicate template "a"

daemon {}
daemon {} # ERROR: 1: duplicate daemon block
