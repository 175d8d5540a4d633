rout "incidents" { # ERROR: 1: unknown block "rout"
}

create = true # ERROR: 1: attribute "create" outside a block
locals = { a = 1 } # ERROR: 1: attribute "locals" outside a block

route { # ERROR: 1: a route block has one name
}

template "a" "b" { # ERROR: 14: a template block has one name
}

template "not a name" { # ERROR: 10: "not a name" is not a name
}
