package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
)

// TestAddressesOfTheDaemon: what nothing can listen on or connect to is refused at load.
func TestAddressesOfTheDaemon(t *testing.T) {
	for block, want := range map[string]string{
		`listen = ":99999"`:                               "listen has no valid port",
		`listen = "127.0.0.1:-1"`:                         "listen has no valid port",
		`listen = ":80 80"`:                               "listen has no valid port",
		`listen = "300.1.1.1:80"`:                         "listen is not a valid address",
		`listen = "a b:80"`:                               "listen is not a valid address",
		`listen = "::1:80"`:                               "listen is not a valid address",
		`listen = ""`:                                     "listen is empty",
		`data_dir = ""`:                                   "data_dir is empty",
		`admin = "unix://"`:                               "admin names no socket",
		`admin = "127.0.0.1:70000"`:                       "admin has no valid port",
		"nats { \n url = \"nats://x:999999\" \n}":         "url has no valid port",
		"nats { \n url = \"http://x:4222\" \n}":           "url is not the address of a NATS server",
		"nats { \n url = \"\" \n}":                        "url is empty",
		`listen = ":0"`:                                   "",
		`listen = "[::1]:8080"`:                           "",
		`listen = "localhost:http"`:                       "",
		`data_dir = env("DIR")`:                           "",
		"nats { \n url = \"a:4222, tls://b.example\" \n}": "",
	} {
		_, found := Load(t.Context(), write(t, "main.hcl", connectorBlocks+"daemon {\n"+block+"\n}\n"), Options{Systems: realSystems(), Offline: true})
		if text := textOf(found); want != "" && !strings.Contains(text, want) || want == "" && strings.Contains(text, "error:") {
			t.Errorf("%s: want %q\n%s", block, want, text)
		}
	}
}

// TestSettingsMadeOfEnv: what is made of env() is not known offline, and counts as set;
// where the variables are there, the same expressions are worked out.
func TestSettingsMadeOfEnv(t *testing.T) {
	const blocks = `
locals { login = jsondecode(env("LOGIN")) }
connector "servicenow" "itsm" {
  url           = "https://${env("INSTANCE")}.service-now.com"
  username      = regex("^[a-z.]+", env("SERVICE_USER"))
  password      = local.login.password
  poll_interval = env("POLL")
  rate_limit    = tonumber(env("RATE"))
}
connector "incidentio" "acme" {
  api_key        = split(",", env("KEYS"))[1]
  api_url        = jsondecode(env("LOGIN"))["url"]
  webhook_secret = "whsec_${env("HOOK")}"
}
`
	set, found := Load(t.Context(), write(t, "main.hcl", blocks), Options{Systems: realSystems(), Offline: true, Env: environment()})
	if text := textOf(found); strings.Contains(text, "error:") {
		t.Errorf("offline:\n%s", text)
	} else if c := set.Connectors["itsm"].Common; c.PollInterval != time.Minute || c.RateLimit != 1200 {
		t.Errorf("offline, the defaults: %+v", c)
	}
	there := environment("LOGIN", `{"password":"p4ss","url":"https://proxy.example"}`, "INSTANCE", "acme", "SERVICE_USER", "lock.step1", "POLL", "90s", "RATE", "7",
		"KEYS", "a,b", "HOOK", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	set, found = Load(t.Context(), write(t, "main.hcl", blocks), Options{Systems: realSystems(), Env: there})
	if text := textOf(found); strings.Contains(text, "error:") {
		t.Fatalf("with the variables:\n%s", text)
	}
	now := set.Connectors["itsm"].Settings.(*servicenow.Settings)
	if now.URL != "https://acme.service-now.com" || *now.Username != "lock.step" || now.Password.Reveal() != "p4ss" || set.Connectors["itsm"].Common.RateLimit != 7 {
		t.Errorf("%+v", now)
	}
	if s := set.Connectors["acme"].Settings.(*incidentio.Settings); s.APIKey.Reveal() != "b" || s.APIURL != "https://proxy.example" {
		t.Errorf("%+v", s)
	}
	bad := environment("LOGIN", "{", "INSTANCE", "acme", "SERVICE_USER", "9", "POLL", "x", "RATE", "x", "KEYS", "a", "HOOK", "!")
	for _, offline := range []bool{false, true} {
		_, found = Load(t.Context(), write(t, "main.hcl", blocks), Options{Systems: realSystems(), Env: bad, Offline: offline})
		if text := textOf(found); strings.Count(text, "error:") < 6 {
			t.Errorf("with variables that are wrong, offline %t:\n%s", offline, text)
		}
	}
}
