# The two systems, and where their secrets come from: never from here.

connector "incidentio" "acme" {
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET")
}

connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "incidentio.sync"
  password = env("SERVICENOW_PASSWORD")
}
