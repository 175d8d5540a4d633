daemon {
  admin       = ":8081"
  admin_token = "s3cret"

  tls { # ERROR: 3: a tls block has no key
    cert = ["a"] # ERROR: 12: cert must be a string
    ca   = "ca.pem" # ERROR: 5: unknown attribute "ca" in a tls block
  }
  tls { # ERROR: 3: duplicate block "tls"
    cert = "c.pem"
    key  = "k.pem"
  }
}
