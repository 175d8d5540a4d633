variable "number" {
  type    = number
  default = "many" # ERROR: 13: the default does not fit the type
}

variable "odd" {
  type    = strange # ERROR: 13: unknown type
  default = 1
}

variable "no_value" { # ERROR: 1: variable "no_value" has no value
  description = "nobody sets it"
}

variable "unknown" { # ERROR: 1: variable "unknown" has no value
  defalt = 1 # ERROR: 3: unknown attribute "defalt" in a variable
}
