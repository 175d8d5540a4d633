# The three systems, and where their secrets come from. Secrets are never written
# here: env() reads them from the daemon's environment.

variable "incidentio_url" {
  description = "The incident.io API; tests and proxies set another"
  default     = "https://api.incident.io"
}

variable "servicenow_url" {
  description = "Your ServiceNow instance"
  default     = "https://acme.service-now.com"
}

variable "servicenow_user" {
  description = "The integration user: lockstep signs in as it, and tickets are opened by it"
  default     = "incidentio.sync"
}

variable "jira_url" {
  description = "Your Jira Cloud site"
  default     = "https://acme.atlassian.net"
}

variable "jira_email" {
  description = "The integration account"
  default     = "bot@acme.example"
}

variable "incidents_poll" {
  description = "How often what no webhook tells is looked for"
  default     = "60s"
}

variable "tickets_poll" {
  description = "How often changes of tickets are looked for"
  default     = "60s"
}

connector "incidentio" "acme" {
  api_url        = var.incidentio_url
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET") # whsec_…, from the webhook's page in incident.io
  poll_interval  = var.incidents_poll
}

connector "servicenow" "itsm" {
  url           = var.servicenow_url
  username      = var.servicenow_user
  password      = env("SERVICENOW_PASSWORD")
  poll_interval = var.tickets_poll
}

connector "jira" "eng" {
  url           = var.jira_url
  email         = var.jira_email
  api_token     = env("JIRA_API_TOKEN")
  poll_interval = var.tickets_poll
}
