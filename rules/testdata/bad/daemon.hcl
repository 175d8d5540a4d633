daemon {
  listen  = "8080" # ERROR: 13: listen is not a valid address
  admin   = "0.0.0.0:8081" # ERROR: 3: an admin address that the network reaches needs admin_token # ERROR: 3: an admin address that is neither a socket nor loopback needs tls
  dta_dir = "x" # ERROR: 3: unknown attribute "dta_dir" in a daemon block

  nats { # ERROR: 3: a nats block has no url # ERROR: 3: cert and key go together
    replicas = 9 # ERROR: 16: replicas must be between 1 and 5
    cert     = "c.pem"
    prefix   = "a.b" # ERROR: 16: the prefix cannot be part of a stream's name
  }
  encryption { # ERROR: 3: encryption is for the embedded server's files
    key = "secret"
  }
}
