# The two systems, and where their secrets come from. Secrets are never written
# here: env() reads them from the daemon's environment. check and test need none.

variable "api_url" {
  description = "incident.io's API; tests and proxies set another"
  default     = "https://api.incident.io"
}

variable "instance" {
  description = "Your ServiceNow instance"
  default     = "https://acme.service-now.com"
}

variable "servicenow_user" {
  description = "The integration user: lockstep signs in as it, and tickets are opened by it"
  default     = "incidentio.sync"
}

connector "incidentio" "acme" {
  api_url        = var.api_url
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET") # whsec_…, from the webhook's page in incident.io
}

connector "servicenow" "itsm" {
  url      = var.instance
  username = var.servicenow_user
  password = env("SERVICENOW_PASSWORD")
}
