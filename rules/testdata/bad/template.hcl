route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.x]
  no_match  = template.loop # ERROR: 15: template "loop" writes where route "r" reads
}

template "a" {
  target   = servicenow.itsm.incident
  when     = 5 # ERROR: 14: a condition must be a bool, not an int
  confict  = "source" # ERROR: 3: unknown attribute "confict" in a template
  conflict = "newest" # ERROR: 14: invalid value "newest" for conflict

  once {
    state { a = 1 } # ERROR: 5: a block in once
    impact = 1
  }
  outbound {
    short_description = "x"
    impact            = 1 # ERROR: 5: field "impact" in once and in outbound
  }
  comments {
    inbound { from = ["work_note"] } # ERROR: 23: incident has no comments of the kind "work_note"
    outbound {
      to   = "timeline" # ERROR: 14: incident has no comments of the kind "timeline"
      when = "comment.text" # ERROR: 15: a condition must be a bool, not a string
    }
    sideways {} # ERROR: 5: unknown block "sideways" in a comments block
  }
  attachments {
    inbound {
      types    = ["png"] # ERROR: 19: invalid media type "png"
      max_size = "big" # ERROR: 18: max_size is not a valid size
    }
  }
  lifecycle {
    on_private  = "hide" # ERROR: 19: invalid value "hide" for on_private
    on_delete   = "close" # ERROR: 19: on_delete = "close" needs a state table
    parent_wait = "forever" # ERROR: 19: invalid duration "forever"
    modes       = ["standard", "tset"] # ERROR: 32: incident has no mode "tset"
    statuses    = ["live", "post"] # ERROR: 28: incident has no status category "post"
  }
}

template "x" {
  extends = template.y
}
template "y" {
  extends = template.x # ERROR: 13: templates that extend each other in a cycle
}

template "loop" {
  target = incidentio.acme.incident
  once { name = "x" }
}
