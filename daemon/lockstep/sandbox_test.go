package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/daemon/daemontest"
)

// started runs a command line until the test ends, once its output or its log holds a
// text. It returns the output.
func started(t *testing.T, text string, args ...string) *daemontest.Log {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, log := &daemontest.Log{}, &daemontest.Log{}
	done := make(chan int, 1)
	go func() { done <- run(ctx, args, strings.NewReader(""), out, log, noEnv) }()
	t.Cleanup(func() {
		cancel()
		if code := <-done; code != 0 || t.Failed() {
			t.Errorf("%v: exit %d: %s", args, code, log)
		}
	})
	daemontest.Eventually(t, text, func() bool { return strings.Contains(out.String()+log.String(), text) })
	return out
}

const exampleDir = "../../examples/engineering-to-jira-security-to-servicenow"

// Every command that the sandbox prints works, and what it does is carried to the
// other side by a daemon on the blocks that it prints.
func TestSandboxSteps(t *testing.T) {
	listen, err := simulator.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	text := started(t, lastPrinted, "sandbox", "-listen", "127.0.0.1:0", "-webhook", "http://"+listen+"/webhooks/acme").String()
	for _, want := range []string{"lockstep signs in with", "fred.luddy:agent", "never carried"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	blocks, _, _ := strings.Cut(text[strings.Index(text, `connector "`):], "\n#")
	rules, err := os.ReadFile(filepath.Join(exampleDir, "incidents.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	daemontest.WriteFile(t, filepath.Join(dir, "incidents.hcl"), string(rules))
	daemontest.WriteFile(t, filepath.Join(dir, "connectors.hcl"), blocks+"\nvariable \"servicenow_user\" {\n  default = \"incidentio.sync\"\n}\n")
	started(t, "msg=ready", "run", "-listen", listen, "-data", t.TempDir(), dir)
	at := regexp.MustCompile(`http://[0-9.:]+`).FindString(blocks)
	tryEverything(t, printedSteps(text), addresses{at, at, at})
}

// run -sandbox runs a configuration as it is, without its secrets, on simulators: what
// it prints to try works as the sandbox's does. Its blocks' addresses are none of
// this machine.
func TestRunSandbox(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	text := started(t, lastPrinted, "run", "-sandbox", exampleDir).String()
	address := func(kind string) string {
		found := regexp.MustCompile(`# Connector \w+: ` + kind + ` on (http://127.0.0.1:\d+)`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("no %s in:\n%s", kind, text)
		}
		return found[1]
	}
	tryEverything(t, printedSteps(text), addresses{address("incidentio"), address("servicenow"), address("jira")})
	admin := regexp.MustCompile(`export LOCKSTEP_ADMIN=(\S+)`).FindStringSubmatch(text)[1]
	status, stdout, stderr := lockstep(t, "", "status", "-admin", admin)
	if status != 0 {
		t.Errorf("status: exit %d: %s%s", status, stdout, stderr)
	}
}

// Every connector has a simulator of its own, over a reload too; what the daemon block
// names is not touched, no secret is needed, and what the rules name is there.
func TestRunSandboxReplaces(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	path := filepath.Join(dir, "main.hcl")
	config := func(more string) string {
		return `
daemon {
  listen      = "203.0.113.1:443"
  admin       = "203.0.113.1:9000"
  admin_token = env("UNSET_TOKEN")
  data_dir    = "/nowhere/at/all"
  nats {
    url = "tls://nats.nowhere.example:4222"
  }
  tls {
    cert = "/nowhere/cert.pem"
    key  = "/nowhere/key.pem"
  }
}
connector "incidentio" "acme" {
  api_key        = env("UNSET_KEY")
  webhook_secret = env("UNSET_SECRET")
}
connector "servicenow" "one" {
  url      = "https://one.service-now.com"
  username = "sync.one"
  password = env("UNSET_ONE")
}
connector "servicenow" "two" {
  url = "https://two.service-now.com"
  oauth {
    client_id     = "lockstep"
    client_secret = env("UNSET_TWO")
  }
}
route "one" {
  source    = incidentio.acme.incident
  templates = [template.one]
}
route "two" {
  source    = incidentio.acme.incident
  templates = [template.two]
}
template "one" {
  target = servicenow.one.incident
  when   = "incident.incident_type.name == 'Outage at sea' && incident.severity.name == 'Titanic'"
  once {
    opened_by = ref("user_name", "sync.one")
  }
  outbound {
    short_description = "{{ incident.name }}"
    u_reference       = "{{ incident.reference }}"
  }
}
template "two" {
  target = servicenow.two.incident
  outbound {
    short_description = "{{ incident.name }}"
  }
}
` + more
	}
	daemontest.WriteFile(t, path, config(""))
	out := started(t, lastPrinted, "run", "-sandbox", dir)
	text := out.String()
	at := map[string]string{}
	for _, found := range regexp.MustCompile(`# Connector (\w+): \w+ on (http://127.0.0.1:\d+)`).FindAllStringSubmatch(text, -1) {
		at[found[1]] = found[2]
	}
	if len(at) != 3 || at["one"] == at["two"] {
		t.Fatalf("%v in:\n%s", at, text)
	}
	sh := newShell(t)
	said := sh.run(t, printedSteps(text)[0].Command)
	asked := func(connector, login string) func() string {
		return func() string {
			return sh.run(t, "curl -s -u "+login+" '"+at[connector]+"/api/now/table/incident?sysparm_fields=short_description,u_reference,opened_by,sys_created_by'")
		}
	}
	shows(t, asked("one", "sync.one:secret"), "Our database is sad", said)
	shows(t, asked("two", "fred.luddy:agent"), "Our database is sad", said)
	if got := asked("one", "sync.one:secret")(); !strings.Contains(got, `"u_reference":"INC-1"`) || !strings.Contains(got, `"sys_created_by":"sync.one"`) {
		t.Errorf("the ticket is %s", got)
	}

	daemontest.WriteFile(t, path, config(`
connector "jira" "eng" {
  url       = "https://acme.atlassian.net"
  email     = "bot@acme.example"
  api_token = env("UNSET_JIRA")
}
route "three" {
  source    = incidentio.acme.incident
  templates = [template.three]
}
template "three" {
  target = jira.eng.issue
  once {
    project   = "SEA"
    issuetype = "Bug"
  }
  outbound {
    summary = "{{ incident.name }}"
  }
}
`))
	daemontest.Eventually(t, "the new connector's steps", func() bool { return strings.Contains(out.String(), "Jira: look at SEA-1") })
	if strings.Count(out.String(), "# Connector one:") != 1 {
		t.Errorf("a simulator was started again:\n%s", out)
	}
	admin := regexp.MustCompile(`export LOCKSTEP_ADMIN=(\S+)`).FindStringSubmatch(text)[1]
	daemontest.Eventually(t, "the reload", func() bool {
		_, stdout, _ := lockstep(t, "", "status", "-admin", admin)
		return strings.Contains(stdout, "three")
	})
	sh.run(t, strings.ReplaceAll(printedSteps(text)[0].Command, "$(date +%s)", "another")) // as one within the same second would be the same incident
	shows(t, func() string {
		return sh.run(t, "curl -s -u ann@acme.example:ann-token '"+regexp.MustCompile(`jira on (http://[0-9.:]+)\n`).FindStringSubmatch(out.String())[1]+"/rest/api/3/issue/SEA-1'")
	}, "Our database is sad", "an incident after the reload")
}

// Simulators do not work on the data of a daemon on real systems.
func TestRunSandboxSpares(t *testing.T) {
	others, own := t.TempDir(), filepath.Join(t.TempDir(), "own")
	daemontest.WriteFile(t, filepath.Join(others, "jetstream", "meta"), "x")
	for args, want := range map[string]struct {
		status int
		stderr string
	}{
		"-data " + others:             {1, "name an empty directory"},
		"-nats nats://127.0.0.1:4222": {2, "-sandbox takes no -nats"},
	} {
		status, _, stderr := lockstep(t, "", append([]string{"run", "-sandbox", exampleDir}, strings.Fields(args)...)...)
		if status != want.status || !strings.Contains(stderr, want.stderr) {
			t.Errorf("%s: exit %d: %s", args, status, stderr)
		}
	}
	if held, err := os.ReadDir(others); err != nil || len(held) != 1 {
		t.Errorf("it holds %v, %v", held, err)
	}
	for range 2 { // and again what it left
		if err := takeForSandbox(own); err != nil {
			t.Error(err)
		}
		daemontest.WriteFile(t, filepath.Join(own, "jetstream", "meta"), "x")
	}
}
