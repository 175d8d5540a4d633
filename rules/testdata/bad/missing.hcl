connector "incidentio" "acme" { # ERROR: 1: "incidentio" connector has no api_key
}

connector "servicenow" "itsm" { # ERROR: 1: "servicenow" connector has no url
  username = "u"
}

connector "servicenow" "other" {
  url = "https://acme.service-now.com"
  oauth { # ERROR: 3: an oauth block has no client_secret
    client_id = "c"
  }
}

connector "servicenow" "third" { # ERROR: 1: no credentials
  url = "https://acme.service-now.com"
}

connector "servicenow" "fourth" {
  url      = "https://acme.service-now.com"
  username = "u" # ERROR: 14: username without password
}

route "r" {} # ERROR: 1: a route has no source # ERROR: 1: a route has no templates

template "a" { # ERROR: 1: a template has no target
  outbound { short_description = "x" }
}

template "b" {
  target = incidentio.acme.incident
  state {} # ERROR: 3: a state block has no table
}

variable "nothing" {} # ERROR: 1: variable "nothing" has no value
