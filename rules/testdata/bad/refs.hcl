route "r" {
  source    = incidentio.acme.incident
  templates = [template.a]
}

template "a" {
  target = servicenow.itsm.incident
  once {
    opened_by   = ref("email") # ERROR: 19: ref() takes two or three arguments, not 1
    caller_id   = ref("email", "x", "y") # ERROR: 37: the fallback of ref() must be null or another ref()
    assigned_to = ref(5, "x") # ERROR: 23: the key of ref() must be a string
    parent      = ref("number", ["x"]) # ERROR: 33: the value of ref() must be a string
    category    = upper(ref("email", "x")) # ERROR: 25: ref() cannot stand here
    urgency     = true ? ref("email", "x") : 1 # ERROR: 26: field "urgency" takes no ref()
    watch_list  = [ref("email", "{{ incident.creater.user.email }}")] # ERROR: 46: unknown field "creater"
  }
  outbound {
    short_description = "x"
  }
}
