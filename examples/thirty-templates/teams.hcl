route "incidents" {
  source = incidentio.acme.incident
  templates = [
    template.accounts,
    template.ads,
    template.analytics,
    template.android,
    template.backups,
    template.billing,
    template.catalog,
    template.chat,
    template.checkout,
    template.compliance,
    template.core,
    template.data,
    template.delivery,
    template.design,
    template.email,
    template.finance,
    template.identity,
    template.images,
    template.ios,
    template.legal,
    template.logistics,
    template.mobile,
    template.network,
    template.payments,
    template.platform,
    template.pricing,
    template.search,
    template.security,
    template.support,
    template.web,
  ]
}

template "accounts" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Accounts'"
  once {
    assignment_group = ref("name", "Accounts")
  }
}

template "ads" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Ads'"
  once {
    assignment_group = ref("name", "Ads")
  }
}

template "analytics" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Analytics'"
  once {
    assignment_group = ref("name", "Analytics")
  }
}

template "android" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Android'"
  once {
    assignment_group = ref("name", "Android")
  }
}

template "backups" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Backups'"
  once {
    assignment_group = ref("name", "Backups")
    category         = "hardware"
  }
}

template "billing" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Billing'"
  once {
    assignment_group = ref("name", "Billing")
  }
}

template "catalog" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Catalog'"
  once {
    assignment_group = ref("name", "Catalog")
  }
}

template "chat" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Chat'"
  once {
    assignment_group = ref("name", "Chat")
  }
}

template "checkout" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Checkout'"
  once {
    assignment_group = ref("name", "Checkout")
    impact           = 1
  }
}

template "compliance" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Compliance'"
  once {
    assignment_group = ref("name", "Compliance")
  }
}

template "core" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Core'"
  once {
    assignment_group = ref("name", "Core")
  }
}

template "data" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Data'"
  once {
    assignment_group = ref("name", "Data")
    category         = "database"
  }
}

template "delivery" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Delivery'"
  once {
    assignment_group = ref("name", "Delivery")
  }
}

template "design" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Design'"
  once {
    assignment_group = ref("name", "Design")
  }
}

template "email" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Email'"
  once {
    assignment_group = ref("name", "Email")
  }
}

template "finance" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Finance'"
  once {
    assignment_group = ref("name", "Finance")
  }
}

template "identity" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Identity'"
  once {
    assignment_group = ref("name", "Identity")
  }
}

template "images" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Images'"
  once {
    assignment_group = ref("name", "Images")
  }
}

template "ios" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'iOS'"
  once {
    assignment_group = ref("name", "iOS")
  }
}

template "legal" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Legal'"
  once {
    assignment_group = ref("name", "Legal")
  }
}

template "logistics" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Logistics'"
  once {
    assignment_group = ref("name", "Logistics")
  }
}

template "mobile" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Mobile'"
  once {
    assignment_group = ref("name", "Mobile")
  }
}

template "network" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Network'"
  once {
    assignment_group = ref("name", "Network")
    category         = "network"
  }
}

template "payments" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Payments'"
  once {
    assignment_group = ref("name", "Payments")
    impact           = 1
  }
}

template "platform" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Platform'"
  once {
    assignment_group = ref("name", "Platform")
  }
}

template "pricing" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Pricing'"
  once {
    assignment_group = ref("name", "Pricing")
  }
}

template "search" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Search'"
  once {
    assignment_group = ref("name", "Search")
  }
}

template "security" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Security'"
  once {
    assignment_group = ref("name", "Security")
  }
}

template "support" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Support'"
  once {
    assignment_group = ref("name", "Support")
  }
}

template "web" {
  extends = template.team
  when    = "incident.custom_fields['Team'] == 'Web'"
  once {
    assignment_group = ref("name", "Web")
  }
}
