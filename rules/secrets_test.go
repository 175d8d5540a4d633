package rules

import (
	"strings"
	"testing"
)

// TestSecretsAreNotPrinted puts a value of the environment wherever a value can
// stand: no diagnostic quotes it, and none of it gets where people would read it.
func TestSecretsAreNotPrinted(t *testing.T) {
	const secret = "s3cr3t/hush"
	const base = `
locals { hush = env("HUSH") }
state_table "t" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["category:live"]
    servicenow = [1]
    jira       = ["To Do"]
  }
}
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
`
	template := func(more string) string {
		return base + `
template "t" {
  target = servicenow.itsm.incident
` + more + `
}
`
	}
	wants := map[string]string{ // what is said, where it is more than that it is not quoted
		"looked up by it": "sensitive value", "looked up by its letters": "sensitive value", "whether it works": "sensitive value", "looked up by what is compared": "sensitive value",
		"field": "sensitive value", "part of a field": "sensitive value", "condition": "sensitive value",
		"condition of comments": "sensitive value", "object key": "sensitive value", "inbound": "sensitive value",
		"kind that is read": "(sensitive)", "mode": "(sensitive)", "state": "sensitive value",
		"state that is a number": "sensitive value", "state in two": "sensitive value", "source_field": "sensitive value", "target_field": "sensitive value",
	}
	for name, content := range map[string]string{
		"field":                         template(`outbound { short_description = local.hush }`),
		"part of a field":               template(`outbound { short_description = "a ${env("HUSH")} b" }`),
		"looked up by it":               template(`outbound { short_description = { k = "one", l = "two" }[env("KEY")] }`),
		"looked up by its letters":      template(`outbound { short_description = join("", [for i in range(11): try({ s = "S", c = "C" }[substr(local.hush, i, 1)], "-")]) }`),
		"whether it works":              template(`outbound { short_description = can(regex("^k", env("KEY"))) ? "one" : "two" }`),
		"looked up by what is compared": template(`outbound { short_description = { true = "one", false = "two" }[env("KEY") == "k"] }`),
		"object key":                    template("outbound { short_description = \"x\" }\n  inbound { custom_fields = { (local.hush) = \"x\" } }"),
		"inbound":                       template("outbound { short_description = \"x\" }\n  inbound { custom_fields = { Ticket = [local.hush] } }"),
		"condition":                     template("when = \"incident.name == '${local.hush}'\"\n outbound { short_description = \"x\" }"),
		"broken condition":              template("when = local.hush\n outbound { short_description = \"x\" }"),
		"condition of comments":         template("outbound { short_description = \"x\" }\n comments { \n inbound { when = \"comment.text == '${local.hush}'\" }\n }"),
		"kind that is read":             template("outbound { short_description = \"x\" }\n comments {\n inbound { from = [local.hush] }\n }"),
		"kinds that are no list":        template("outbound { short_description = \"x\" }\n comments {\n inbound { from = local.hush }\n }"),
		"kind that is written":          template("outbound { short_description = \"x\" }\n comments {\n outbound { to = local.hush }\n }"),
		"mode":                          template("outbound { short_description = \"x\" }\n lifecycle { modes = [local.hush] }"),
		"status":                        template("outbound { short_description = \"x\" }\n lifecycle { statuses = [\"${local.hush}\"] }"),
		"parent wait":                   template("outbound { short_description = \"x\" }\n lifecycle { parent_wait = local.hush }"),
		"on_delete":                     template("outbound { short_description = \"x\" }\n lifecycle { on_delete = local.hush }"),
		"media type":                    template("outbound { short_description = \"x\" }\n attachments {\n inbound { types = [trimspace(local.hush)] }\n }"),
		"size":                          template("outbound { short_description = \"x\" }\n attachments {\n inbound { max_size = local.hush }\n }"),
		"source_field":                  template("outbound { short_description = \"x\" }\n state {\n table = state_table.t\n source_field = local.hush\n }"),
		"target_field":                  template("outbound { short_description = \"x\" }\n state {\n table = state_table.t\n target_field = local.hush\n }"),
		"direction":                     template("outbound { short_description = \"x\" }\n state {\n table = state_table.t\n direction = local.hush\n }"),
		"conflict":                      template("conflict = local.hush\n outbound { short_description = \"x\" }"),
		"key of ref":                    template("outbound {\n short_description = \"x\"\n caller_id = ref(local.hush, \"x\")\n }"),
		"value of ref":                  template("outbound {\n short_description = \"x\"\n caller_id = ref(\"email\", local.hush)\n }"),
		"state":                         strings.Replace(template("outbound { short_description = \"x\" }\n state { table = state_table.t }"), `["category:live"]`, `["category:${local.hush}"]`, 1),
		"state that is a number":        strings.Replace(template("outbound { short_description = \"x\" }\n state { table = state_table.t }"), `[1]`, `[local.hush]`, 1),
		"state in two":                  strings.Replace(template("outbound { short_description = \"x\" }\n state { table = state_table.t }"), "jira       = [\"To Do\"]", "jira       = [local.hush]\n  }\n  state \"done\" {\n    jira = [local.hush]", 1),
		"unmapped":                      strings.Replace(template("outbound { short_description = \"x\" }"), `unmapped = "ignore"`, `unmapped = local.hush`, 1),
		"create":                        strings.Replace(template("outbound { short_description = \"x\" }"), `templates = [`, "create = local.hush\n templates = [", 1),
		"choice":                        template("once { urgency = local.hush }\n outbound { short_description = \"x\" }"),
		"number":                        template("once { opened_at = local.hush }\n outbound { short_description = \"x\" }"),
		"member of an object":           template("outbound {\n short_description = \"x\"\n watch_list = [ref(\"email\", local.hush)]\n }"),
		"listen":                        template("outbound { short_description = \"x\" }") + "daemon { listen = local.hush }",
		"admin":                         template("outbound { short_description = \"x\" }") + "daemon { admin = local.hush }",
		"prefix":                        template("outbound { short_description = \"x\" }") + "daemon {\n nats {\n url = local.hush\n prefix = local.hush\n replicas = local.hush\n}\n}",
		"poll interval":                 "connector \"jira\" \"two\" {\n url = \"https://a.example\"\n email = \"a@b.c\"\n api_token = env(\"HUSH\")\n poll_interval = env(\"HUSH\")\n rate_limit = env(\"HUSH\")\n}\n" + template("outbound { short_description = \"x\" }"),
		"variable":                      template("outbound { short_description = \"x\" }") + "variable \"v\" {\n type = number\n default = 1\n}\nlocals { w = var.v + local.hush }",
		"given variable":                template("outbound { short_description = \"x\" }") + "variable \"given\" {\n type = number\n sensitive = true\n}\nlocals { w = var.given }",
		"function":                      template("outbound { short_description = \"x\" }") + "locals { w = jsondecode(local.hush) }",
		"condition of a function":       template("outbound { short_description = local.hush ? \"a\" : \"b\" }"),
		"reference":                     template("outbound { short_description = \"x\" }\n state { table = local.hush }"),
	} {
		t.Run(name, func(t *testing.T) {
			files := []string{"main.hcl", content, "connectors.hcl", connectorBlocks}
			for _, offline := range []bool{false, true} {
				_, found := Load(t.Context(), write(t, files...), Options{
					Systems: fakeSystems(), Offline: offline,
					Env: environment("HUSH", secret, "LOCKSTEP_VAR_given", secret, "KEY", "k", "PASSWORD", "p", "TOKEN", "t"),
				})
				text := textOf(found)
				for _, part := range []string{secret, "s3cr3t", "hush b", "category:s3"} {
					if strings.Contains(text, part) {
						t.Errorf("it quotes the secret:\n%s", text)
						break
					}
				}
				if want := wants[name]; !found.HasErrors() && want != "" || !strings.Contains(text, want) {
					t.Errorf("it does not say %q:\n%s", want, text)
				}
			}
		})
	}
}
