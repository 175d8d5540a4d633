# What a connector refuses to be made with is refused at load.

connector "incidentio" "acme" {
  api_key        = "a\nb" # ERROR: 20: api_key holds a line break, or another control character
  api_url        = "" # ERROR: 20: api_url is empty
}
connector "incidentio" "other" {
  api_key        = env("KEY")
  webhook_secret = "not base64!" # ERROR: 20: not a signing secret
}
connector "jira" "eng" {
  url       = "" # ERROR: 15: url is empty
  email     = "bot@acme.example"
  api_token = "${env("TOKEN")}\n" # ERROR: 15: api_token holds a line break, or another control character
}
connector "servicenow" "itsm" {
  url = "https://acme.service-now.com"
  oauth {
    client_id     = "" # ERROR: 21: client_id is empty
    client_secret = env("SECRET")
  }
}
