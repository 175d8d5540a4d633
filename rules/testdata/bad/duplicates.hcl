variable "a" { default = 1 }
variable "a" { default = 2 } # ERROR: 10: variable "a" is there twice

locals {
  x = 1
}
locals {
  x = 2 # ERROR: 3: local "x" is there twice
}

connector "incidentio" "acme" {
  api_key = "k"
}
connector "servicenow" "acme" { # ERROR: 24: connector "acme" is there twice
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
  state "open" { # ERROR: 9: state "open" is there twice
    servicenow = [2]
  }
}
state_table "t" { # ERROR: 13: state table "t" is there twice
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.a] # ERROR: 28: template "a" in this route is there twice
}
route "r" { # ERROR: 7: route "r" is there twice
  source    = incidentio.acme.incident
  templates = [template.a]
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.mode == 'standard'"
  outbound { short_description = "{{ incident.name }}" }
  outbound {} # ERROR: 3: block "outbound" is there twice
}
template "a" {} # ERROR: 10: template "a" is there twice

daemon {}
daemon {} # ERROR: 1: the daemon block is there twice
