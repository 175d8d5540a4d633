package rules

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

func environment(pairs ...string) func(string) (string, bool) {
	all := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) {
		v, ok := all[name]
		return v, ok
	}
}

// TestVariables reads variables through the settings of a connector.
func TestVariables(t *testing.T) {
	const block = `
connector "incidentio" "acme" {
  api_key = "k"
  api_url = format("%v", var.x)
}
`
	for _, test := range []struct {
		name, variable string
		vars           map[string]string
		env            []string
		want           string // of api_url, or the summary of the error
	}{
		{"default", `default = "a"`, nil, nil, "a"},
		{"environment", `default = "a"`, nil, []string{"LOCKSTEP_VAR_x", "b"}, "b"},
		{"command line", `default = "a"`, map[string]string{"x": "c"}, []string{"LOCKSTEP_VAR_x", "b"}, "c"},
		{"typed", "type = number", map[string]string{"x": "7"}, nil, "7"},
		{"type of the default", "default = true", map[string]string{"x": "false"}, nil, "false"},
		{"wrong type", "type = number", map[string]string{"x": "many"}, nil, `variable "x" must be number`},
		{"list", "type = list(string)", map[string]string{"x": `["p", "q"]`}, nil, `["p","q"]`},
		{"object given as list", "type = object({ a = number, b = optional(string, \"q\") })", map[string]string{"x": `{ a = 1 }`}, nil, `{"a":1,"b":"q"}`},
		{"default object as list", "type = object({ a = optional(number, 1) })\n  default = {}", nil, nil, `{"a":1}`},
		{"bad list", "type = list(string)", map[string]string{"x": `[`}, nil, `variable "x" must be list(string)`},
		{"none", "", nil, nil, `variable "x" has no value`},
		{"unknown", `default = "a"`, map[string]string{"y": "1"}, nil, `-var sets the unknown variable "y"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			content := "variable \"x\" {\n  " + test.variable + "\n}\n" + block
			if strings.HasSuffix(test.name, "list") {
				content = strings.Replace(content, `format("%v", var.x)`, "jsonencode(var.x)", 1)
			}
			set, found := Load(t.Context(), write(t, "main.hcl", content), Options{Systems: fakeSystems(), Vars: test.vars, Env: environment(test.env...)})
			if set == nil {
				if found[0].Summary != test.want {
					t.Errorf("error %q, want %q", found[0].Summary, test.want)
				}
				return
			}
			if got := set.Connectors["acme"].Settings.(*incidentioSettings).APIURL; got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestEnv(t *testing.T) {
	dir := write(t, "main.hcl", `
connector "incidentio" "acme" {
  api_key = env("KEY")
}
`)
	set, found := Load(t.Context(), dir, Options{Systems: fakeSystems()})
	if set != nil || len(found) != 1 {
		t.Fatalf("an environment variable that is not set: %v", found)
	}
	want := Diagnostic{
		Severity: "error", File: filepath.Join(dir, "main.hcl"), Line: 3, Column: 13, EndLine: 3, EndColumn: 23, Units: 13, EndUnits: 23,
		Summary: "env(): the environment variable KEY is not set",
		Detail:  "Set it in the environment of the command that talks to the systems, empty if it is to be empty. Offline commands, such as check and explain, take it as empty.",
		Source:  `  api_key = env("KEY")`, Width: len(`env("KEY")`),
	}
	if diff := gocmp.Diff(want, found[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if set, found = Load(t.Context(), dir, Options{Systems: fakeSystems(), Offline: true}); set == nil {
		t.Errorf("offline:\n%s", textOf(found))
	}
	set, _ = Load(t.Context(), dir, Options{Systems: fakeSystems(), Env: environment("KEY", "hunter2")})
	if got := set.Connectors["acme"].Settings.(*incidentioSettings).APIKey.Reveal(); got != "hunter2" {
		t.Errorf("key %q", got)
	}
}

func TestConnectorSettings(t *testing.T) {
	set, found := Load(t.Context(), write(t, "main.hcl", `
connector "jira" "eng" {
  url            = "https://acme.atlassian.net"
  email          = "bot@acme.example"
  api_token      = "t"
  webhook_secret = env("SECRET")
  poll_interval  = "1d12h"
  settle         = "90s"
  rate_limit     = 60
  index_lag      = "5m"
}
connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = null
  oauth {
    client_id     = "c"
    client_secret = env("SECRET")
  }
}
`), Options{Systems: fakeSystems(), Env: environment("SECRET", "s")})
	if set == nil {
		t.Fatal(textOf(found))
	}
	want := connectors.Common{
		PollInterval: 36 * time.Hour, Settle: 90 * time.Second, IndexLag: 5 * time.Minute, RateLimit: 60, WebhookSecret: "s",
	}
	if got := set.Connectors["eng"].Common; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	settings := set.Connectors["itsm"].Settings.(*servicenowSettings)
	if settings.Username != nil || settings.OAuth == nil || settings.OAuth.ClientSecret.Reveal() != "s" {
		t.Errorf("settings: %+v", *settings)
	}
	if got := set.Connectors["itsm"].Common.Settle; got != time.Minute {
		t.Errorf("settle %s, want the default", got)
	}
}

// TestSensitive looks for a secret in everything that can be printed.
func TestSensitive(t *testing.T) {
	const secret = "hunter2"
	dir := write(t, "connectors.hcl", connectorBlocks, "main.hcl", `
variable "password" {
  sensitive = true
  default   = "hunter2"
}
variable "broken" {
  sensitive = true
  type      = number
  default   = "hunter2"
}
locals {
  token   = env("TOKEN")
  number  = parseint(env("TOKEN"), 10)
  derived = "x${local.token}"
}
daemon {
  listen = env("TOKEN")
}
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target   = servicenow.itsm.incident
  conflict = var.password
  when     = "incident.name == '${var.password}' && incident.nme == 'x'"
  once {
    urgency     = local.token
    description = "{{ local.derived }}"
    category    = "{{ incident.name + ${local.token} }}"
    impact      = "{{ incident.name == 'x' ? '${local.token}' : null }}"
  }
  outbound { short_description = "${var.password} {{ incident.name }}" }
}
`)
	set, found := Load(t.Context(), dir, Options{Systems: fakeSystems(), Env: environment("TOKEN", secret, "KEY", secret, "PASSWORD", secret)})
	if set != nil {
		t.Fatal("it loads")
	}
	raw, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	if text := textOf(found) + string(raw); strings.Contains(text, secret) {
		t.Errorf("a secret is shown:\n%s", text)
	}
	const wanted = 8
	if len(found) < wanted {
		t.Errorf("%d diagnostics, want at least %d:\n%s", len(found), wanted, textOf(found))
	}
}

func TestGenerationAndFiles(t *testing.T) {
	load := func(files ...string) *Set {
		set, found := loadDir(t, write(t, files...))
		if set == nil {
			t.Fatal(textOf(found))
		}
		return set
	}
	main := "locals {\n  text = file(\"texts/a.txt\")\n}\n"
	base := load("b.hcl", main, "a.hcl", connectorBlocks, "texts/a.txt", "one", ".hidden.hcl", "broken {", "c.txt", "x")
	var names []string
	for _, f := range base.Files {
		rel, err := filepath.Rel(base.Dir, f)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.ToSlash(rel))
	}
	if diff := gocmp.Diff([]string{"a.hcl", "b.hcl", "texts/a.txt"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	same := load("b.hcl", main, "a.hcl", connectorBlocks, "texts/a.txt", "one")
	if same.Generation != base.Generation || len(base.Generation) != 64 {
		t.Errorf("generations %s and %s", base.Generation, same.Generation)
	}
	for name, files := range map[string][]string{
		"a file that file() reads": {"b.hcl", main, "a.hcl", connectorBlocks, "texts/a.txt", "two"},
		"a comment":                {"b.hcl", main + "# x\n", "a.hcl", connectorBlocks, "texts/a.txt", "one"},
		"a name":                   {"c.hcl", main, "a.hcl", connectorBlocks, "texts/a.txt", "one"},
	} {
		if load(files...).Generation == base.Generation {
			t.Errorf("%s does not change the generation", name)
		}
	}
}

func TestSymbolicLinks(t *testing.T) {
	dir := write(t, "real/main.hcl", connectorBlocks, "conf/keep.txt", "")
	for link, to := range map[string]string{"conf/main.hcl": "../real/main.hcl", "link": "conf"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	set, found := loadDir(t, filepath.Join(dir, "link"))
	if set == nil || len(set.Connectors) != 3 {
		t.Fatal(textOf(found))
	}
	if err := os.Remove(filepath.Join(dir, "real/main.hcl")); err != nil {
		t.Fatal(err)
	}
	if set, found = loadDir(t, filepath.Join(dir, "link")); set != nil || !strings.HasPrefix(found[0].Summary, "cannot read the file") {
		t.Errorf("a link to nothing: %v", found)
	}
}

func TestNoConfiguration(t *testing.T) {
	empty := t.TempDir()
	for dir, want := range map[string]string{
		filepath.Join(empty, "missing"):       "cannot read the configuration directory: no such file or directory",
		empty:                                 "no *.hcl file",
		write(t, "tests/a.hcl", "locals { }"): "no *.hcl file",
	} {
		set, found := loadDir(t, dir)
		if set != nil || len(found) != 1 || found[0].Summary != want || found[0].File != dir {
			t.Errorf("%s: %+v", dir, found)
		}
	}
}

// TestHere is about the names of files where the directory is ".".
func TestHere(t *testing.T) {
	t.Chdir(write(t, "main.hcl", "x"))
	if _, found := loadDir(t, "."); len(found) == 0 || found[0].File != "main.hcl" {
		t.Errorf("%+v", found)
	}
}

func TestDiagnosticsJSON(t *testing.T) {
	for _, test := range []struct {
		found Diagnostics
		want  string
	}{
		{nil, "[]"},
		{
			Diagnostics{{Severity: "error", File: "a.hcl", Line: 1, Column: 2, Summary: "x < y", Detail: "D.", Source: "s", Width: 1}},
			`[{"severity":"error","file":"a.hcl","line":1,"column":2,"summary":"x < y","detail":"D."}]`,
		},
	} {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(test.found); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(b.String()); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

func TestColour(t *testing.T) {
	found := Diagnostics{{Severity: "warning", File: "a.hcl", Line: 1, Column: 1, Summary: "s", Source: "x = 1", Width: 1}}
	var b strings.Builder
	found.WriteText(&b, true)
	want := "\x1b[1ma.hcl:1:1:\x1b[0m \x1b[1;33mwarning:\x1b[0m s\nx = 1\n\x1b[1;33m^\x1b[0m\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestUses(t *testing.T) {
	set := mustLoad(t, `
state_table "t" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["Investigating", "category:live"]
    servicenow = [2, 1]
  }
}
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  when   = "incident.custom_fields['Team'] == 'Core'"
  once {
    state    = 1
    category = "{{ incident.name == 'x' ? 'network' : 'software' }}"
    urgency  = 2
    u_own    = "x"
  }
  outbound {
    short_description = "{{ incident.roles['Lead'].name }} {{ incident.custom_fields.Other }}"
  }
  inbound {
    custom_fields = { "Ticket" = "{{ ticket.number }}", "State" = "{{ ticket.x_state }}" }
    severity      = "{{ ticket.urgency == 1 ? 'Critical' : null }}"
  }
  state { table = state_table.t }
}
`)
	want := map[string][]connectors.Use{
		"acme": {
			{Template: "t", Record: "incident", Field: "custom_fields", Keys: []string{"Other", "State", "Team", "Ticket"}, Edits: true},
			{Template: "t", Record: "incident", Field: "custom_fields/Team", Values: []any{"Core"}},
			{Record: "incident", Field: "incident_status.name", Values: []any{"Investigating"}},
			{Template: "t", Record: "incident", Field: "roles", Keys: []string{"Lead"}},
			{Template: "t", Record: "incident", Field: "severity", Values: []any{"Critical"}, Edits: true},
		},
		"itsm": {
			{Template: "t", Record: "incident", Field: "category", Values: []any{"network", "software"}, Opens: true},
			{Template: "t", Record: "incident", Field: "short_description", Opens: true, Edits: true},
			{Record: "incident", Field: "state", Values: []any{int64(1), int64(2)}},
			{Template: "t", Record: "incident", Field: "state", Values: []any{int64(1)}, Opens: true},
			{Template: "t", Record: "incident", Field: "u_own", Values: []any{"x"}, Opens: true},
			{Template: "t", Record: "incident", Field: "urgency", Opens: true},
			{Template: "t", Record: "incident", Field: "x_state"},
		},
	}
	if diff := gocmp.Diff(want, set.Uses()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestFit is about values that come from elsewhere: they become what the field
// needs, as between HCL's own types.
func TestFit(t *testing.T) {
	set, found := Load(t.Context(), write(t, "connectors.hcl", connectorBlocks, "main.hcl", `
variable "urgency" {}
variable "impact" { default = "3" }
variable "name" { default = 7 }
locals {
  fields = { for name in ["A", "B"] : name => "{{ incident.reference }} ${name}" }
}
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  once {
    urgency = var.urgency
    impact  = var.impact
    active  = lower("TRUE")
    u_map   = local.fields
    u_list  = concat(["a"], [var.urgency])
  }
  outbound { short_description = var.name }
}
`), Options{Systems: fakeSystems(), Offline: true, Vars: map[string]string{"urgency": "2"}})
	if set == nil {
		t.Fatal(textOf(found))
	}
	got := map[string]any{}
	for _, v := range set.Decide("r", Input{Record: incident(nil)}).Values {
		got[v.Field] = v.Value
	}
	want := map[string]any{
		"urgency": int64(2), "impact": int64(3), "active": true, "short_description": "7",
		"u_map": map[string]any{"A": "INC-123 A", "B": "INC-123 B"}, "u_list": []any{"a", "2"},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDaemonBlock(t *testing.T) {
	set := mustLoad(t, `
daemon {
  listen      = ":8080"
  admin       = "127.0.0.1:8081"
  admin_token = env("ADMIN")
  data_dir    = "/var/lib/lockstep"
  nats {
    url      = "nats://a:4222,nats://b:4222"
    creds    = "nats.creds"
    ca       = "ca.pem"
    cert     = "c.pem"
    key      = "k.pem"
    replicas = 3
    prefix   = "acme"
  }
  tls {
    cert = "tls.pem"
    key  = "tls.key"
  }
}
`)
	if tls := set.Daemon.TLS; tls == nil || tls.Cert.Path != "tls.pem" || tls.Key.Path != "tls.key" {
		t.Errorf("tls: %+v", tls)
	} else if text := textOf(Diagnostics{tls.Key.Wrong("it is gone", "Bring it back.")}); !strings.HasSuffix(text,
		"main.hcl:18:12: error: it is gone\n    key  = \"tls.key\"\n           ^^^^^^^^^\nBring it back.\n") {
		t.Errorf("shown as:\n%s", text)
	}
	set.Daemon.TLS = nil
	want := Daemon{
		Listen: ":8080", Admin: "127.0.0.1:8081", DataDir: "/var/lib/lockstep",
		NATS: &NATS{
			URL: "nats://a:4222,nats://b:4222", Creds: "nats.creds", CA: "ca.pem", Cert: "c.pem", Key: "k.pem",
			Replicas: 3, Prefix: "acme",
		},
	}
	if !reflect.DeepEqual(set.Daemon, want) {
		t.Errorf("%+v, want %+v", set.Daemon, want)
	}
	if set := mustLoad(t, "daemon {\n  encryption {\n    key = \"k\"\n  }\n}\n"); set.Daemon.EncryptionKey.Reveal() != "k" {
		t.Error("no encryption key")
	}
}

// Whoever reaches the admin address may do everything, so that the network
// gets there with TLS alone.
func TestAdminAddress(t *testing.T) {
	const needsTLS = "an admin address that is neither a socket nor loopback needs tls"
	for address, local := range map[string]bool{
		"127.0.0.1:8081": true, "127.8.9.10:0": true, "[::1]:8081": true, "[::1%lo]:8081": true,
		"[::ffff:127.0.0.1]:8081": true, "localhost:8081": true, "LocalHost:8081": true,
		"unix:///run/lockstep/admin.sock": true, "unix://0.0.0.0:8081": true,
		":8081": false, "0.0.0.0:8081": false, "[::]:8081": false, "[::ffff:0.0.0.0]:8081": false,
		"[fe80::1%eth0]:8081": false, "10.0.0.1:8081": false, "[::ffff:10.0.0.1]:8081": false,
		"admin.internal:8081": false, "localhost.acme.example:8081": false, "127.0.0.1.acme.example:8081": false,
		"127.1:8081": false, "2130706433:8081": false, "0:8081": false,
	} {
		admin := fmt.Sprintf("  admin       = %q\n  admin_token = \"s3cret\"\n", address)
		for _, tls := range []string{"", "  tls {\n    cert = \"c.pem\"\n    key  = \"k.pem\"\n  }\n"} {
			set, found := Load(t.Context(), write(t, "main.hcl", "daemon {\n"+admin+tls+"}\n"), Options{Systems: fakeSystems()})
			refused := slices.ContainsFunc(found, func(d Diagnostic) bool {
				return d.Severity == SeverityError && d.Summary == needsTLS && d.Line == 2 && d.Column == 3
			})
			if want := !local && tls == ""; refused != want || (set == nil) != want {
				t.Errorf("%s, tls %t: refused %t, want %t:\n%s", address, tls != "", refused, want, textOf(found))
			}
		}
	}
}

// A second default of a sensitive variable is one as well.
func TestSensitiveTwice(t *testing.T) {
	_, found := Load(t.Context(), write(t, "main.hcl", `
variable "x" {
  sensitive = true
  default   = "hunter2"
  default   = "hunter3"
}
`), Options{Systems: fakeSystems()})
	if len(found) != 1 || found[0].Summary != "attribute redefined" {
		t.Errorf("diagnostics:\n%s", textOf(found))
	}
	if text := textOf(found); strings.Contains(text, "hunter") {
		t.Errorf("shown:\n%s", text)
	}
}

// TestConnectorWarnings: what may open a ticket twice, and what shows credentials to
// the network.
func TestConnectorWarnings(t *testing.T) {
	for name, test := range map[string]struct{ hcl, want string }{
		"settle":      {`settle = "45s"`, `5: settle is not longer than a write to incidentio may take`},
		"long settle": {`settle = "46s"`, ""},
		"http":        {`api_url = "http://proxy.example/api"`, "5: credentials are sent unencrypted"},
		"HTTP":        {`api_url = "HTTP://10.0.0.1:8080"`, "5: credentials are sent unencrypted"},
		"made":        {`api_url = "${"http"}://${var.host}"`, "5: credentials are sent unencrypted"},
		"https":       {`api_url = "https://proxy.example"`, ""},
		"loopback":    {`api_url = "http://127.0.0.1:8080"`, ""},
		"localhost":   {`api_url = "http://localhost"`, ""},
		"IPv6":        {`api_url = "http://[::1]:80"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, "main.hcl", "variable \"host\" { default = \"proxy.example\" }\nlocals { host = var.host }\nconnector \"incidentio\" \"acme\" {\n  api_key = local.host\n  "+test.hcl+"\n}\n")
			set, found := loadDir(t, dir)
			if set == nil {
				t.Fatal(textOf(found))
			}
			got := ""
			for _, d := range found {
				if !strings.HasPrefix(d.Summary, "no routes") {
					got += fmt.Sprintf("%d: %s", d.Line, d.Summary)
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestAdviceAt: what a system says of a name stands where the name is written: in a
// table that is looked up, a condition, a state table, or an entry of a map.
func TestAdviceAt(t *testing.T) {
	set := mustLoad(t, `locals { urgency = { Critical = 1, Worst = 2 } }
state_table "t" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["Investigating"]
    servicenow = [2]
  }
}
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  when   = "incident.custom_fields['Team'] == 'Core'"
  once { urgency = "{{ lookup(local.urgency, incident.severity.name, 3) }}" }
  outbound {
    short_description = "{{ lookup({'Ops': 'for Ops'}, incident.custom_fields['Unit'], incident.name) }}"
    u_own             = "{{ incident.roles['Lead'].name }}"
  }
  inbound { custom_fields = { "Ticket" = "{{ ticket.number }}" } }
  state { table = state_table.t }
}
`)
	uses := map[string]connectors.Use{}
	for _, all := range set.Uses() {
		for _, use := range all {
			uses[use.Record+"."+use.Field] = use
		}
	}
	for _, test := range []struct {
		connector, field string
		value            any
		source           string // what is at the place
	}{
		{"acme", "severity.name", "Worst", "local.urgency"},
		{"acme", "custom_fields/Unit", "Ops", "{'Ops'"},
		{"acme", "custom_fields/Team", "Core", "'Core'"},
		{"acme", "custom_fields", "Team", `"incident.custom_fields['Team']`},
		{"acme", "custom_fields", "Ticket", `"Ticket"`},
		{"acme", "incident_status.name", "Investigating", `"Investigating"`},
		{"acme", "roles", "Lead", "u_own"},
		{"itsm", "u_own", nil, "u_own"},
		{"itsm", "short_description", "nobody wrote it", "short_description"},
	} {
		use, ok := uses["incident."+test.field]
		if !ok {
			t.Errorf("no use of %s", test.field)
			continue
		}
		d := set.AdviceAt(test.connector, use, test.value)
		if runes := []rune(d.Source); d.Line == 0 || d.Column > len(runes) || !strings.HasPrefix(string(runes[d.Column-1:]), test.source) {
			t.Errorf("%s %v: at %s:%d:%d %q, want %q", test.field, test.value, d.File, d.Line, d.Column, d.Source, test.source)
		}
	}
	if d := set.AdviceAt("acme", connectors.Use{Record: "incident", Field: "name"}, nil); d.Line != 0 || d.File != set.Dir {
		t.Errorf("of what nothing uses: %+v", d)
	}
}
