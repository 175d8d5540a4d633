variable "used" { default = "x" }
variable "never" { default = "y" } # WARNING: 1: nothing uses variable "never"
variable "text" { default = "{{ local.by_text }}" }

locals {
  teams    = ["Payments"]
  by_key   = { a = 1 }
  by_text  = "in a text of a variable"
  idle     = "nothing says local idle" # WARNING: 3: nothing uses local "idle"
  with-one = 1 # local.with-one in a comment is no use # WARNING: 3: nothing uses local "with-one"
  a        = 1
}

state_table "idle" { # WARNING: 1: no template uses state table "idle"
  state "open" { servicenow = [1] }
}

route "r" {
  source    = incidentio.acme.incident
  templates = [template.a]
}

template "a" {
  target = servicenow.itsm.incident
  when   = "incident.custom_fields['Team'] in local.teams && 0 == local.a-local.by_key['a']"
  outbound {
    short_description = "${var.used} ${var.text}"
  }
}
