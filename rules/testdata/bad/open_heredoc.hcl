template "a" {
  target = servicenow.itsm.incident
  outbound {
    description       = <<-EOT
      {{ incident.summary }}
    EOT
    short_description = <<-TEXT
      # ERROR(-1): 25: unterminated template string
      {{ incident.name }}
    TXT
  }
}
