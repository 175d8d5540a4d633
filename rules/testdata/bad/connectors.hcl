connector "incidentio" "acme" {
  api_key       = "k"
  api_kee       = "k" # ERROR: 3: unknown attribute "api_kee" in "incidentio" connector
  poll_interval = "soon" # ERROR: 19: invalid duration "soon"
  rate_limit    = 0 # ERROR: 19: rate_limit must be between 1 and 1000000
  index_lag     = "10m" # ERROR: 3: unknown attribute "index_lag" in "incidentio" connector
  settle        = "-5s" # ERROR: 19: settle must be between 1s and 30d
}

connector "jira" "eng" {
  url       = ["https://acme.atlassian.net"] # ERROR: 15: url must be a string
  email     = "bot@acme.example"
  api_token = "t"
  index_lag = "1d"
}

connector "servicenow" "itsm" { # ERROR: 1: no credentials
  url   = "https://acme.service-now.com"
  oauth = {} # ERROR: 3: "oauth" is a block
}

connector "servicnow" "next" {} # ERROR: 11: unknown connector type "servicnow"

connector "servicenow" "jira" { # ERROR: 24: a connector cannot be called like a connector type
  url      = "https://acme.service-now.com"
  username = "u"
  password = "p"
}
