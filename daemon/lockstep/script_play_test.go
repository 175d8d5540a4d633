package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/daemon/admin"
)

const (
	webhookSecret = "whsec_bG9ja3N0ZXAgdGVzdCBzZWNyZXQ="
	// scriptTimeout bounds whatever a script waits for.
	scriptTimeout = 60 * time.Second
	pollEvery     = 20 * time.Millisecond
)

type playKey struct{}

// A play is one script's world: both systems, and one daemon at a time.
type play struct {
	ts *testscript.TestScript

	incidents *incidentiotest.Server
	itsm      *servicenowtest.Server
	issues    *jiratest.Server
	admin     *http.Client
	public    string // the daemon's address
	work      string
	env       *testscript.Env

	ids     map[string]string // incident ids by the script's names
	tickets map[string]string // ids of their tickets, as last seen
	opened  map[string]bool   // the names of tickets that a script opened itself
	filled  int               // how many incidents fill has created
	lifted  time.Time         // when the limit was taken off
	cluster cluster
	process *exec.Cmd
	exited  chan error
	starts  int
}

// connectorsFile fits the simulators; settle is short, so that what a lost
// answer may have done is known soon.
const connectorsFile = `connector "incidentio" "acme" {
  api_url        = env("INCIDENTIO_URL")
  api_key        = env("INCIDENTIO_API_KEY")
  webhook_secret = env("INCIDENTIO_WEBHOOK_SECRET")
  poll_interval  = "1s"
}

connector "servicenow" "itsm" {
  url      = env("SERVICENOW_URL")
  username = "incidentio.sync"
  password = env("SERVICENOW_PASSWORD")
  settle   = "2s"

  poll_interval = "1s"
}
`

func setUp(env *testscript.Env) error {
	p := &play{
		incidents: incidentiotest.New(incidentiotest.Options{}),
		work:      env.WorkDir,
		env:       env,
		ids:       map[string]string{},
		tickets:   map[string]string{},
		opened:    map[string]bool{},
	}
	p.incidents.AddType("Facilities")
	p.incidents.AddType("Production")
	source := httptest.NewServer(p.incidents)
	env.Defer(source.Close)
	p.itsm = servicenowtest.New(servicenowtest.Options{Password: "its-a-secret"})
	target := httptest.NewServer(p.itsm)
	env.Defer(target.Close)

	site := httptest.NewUnstartedServer(nil)
	p.issues = jiratest.New(jiratest.Options{
		URL: "http://" + site.Listener.Addr().String(), IndexLag: time.Second,
		MediaURL: strings.Replace("http://"+site.Listener.Addr().String(), "127.0.0.1", "localhost", 1),
	})
	site.Config.Handler = p.issues
	site.Start()
	env.Defer(site.Close)
	p.incidents.AddCustomField("Jira issue", "text")

	public, err := simulator.FreeAddress()
	if err != nil {
		return err
	}
	p.public = public
	p.incidents.Subscribe(incidentiotest.Webhook{URL: "http://" + p.public + "/webhooks/acme", Secret: webhookSecret})

	socket := filepath.Join(env.WorkDir, "data", "admin.sock")
	p.admin = &http.Client{Timeout: scriptTimeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	env.Setenv("INCIDENTIO_URL", source.URL)
	env.Setenv("INCIDENTIO_API_KEY", incidentiotest.DefaultKey)
	env.Setenv("INCIDENTIO_WEBHOOK_SECRET", webhookSecret)
	env.Setenv("SERVICENOW_URL", target.URL)
	env.Setenv("SERVICENOW_PASSWORD", "its-a-secret")
	env.Setenv("JIRA_URL", site.URL)
	env.Setenv("JIRA_API_TOKEN", jiratest.DefaultAPIToken)
	env.Setenv("LOCKSTEP_ADMIN", "unix://"+socket)
	env.Values[playKey{}] = p
	env.Defer(p.cluster.end)
	env.Defer(p.end)
	if err := os.WriteFile(filepath.Join(env.WorkDir, "jira.hcl"), []byte(jiraFile), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "connectors.hcl"), []byte(connectorsFile), 0o600)
}

// end kills a daemon that still runs.
func (p *play) end() {
	if p.process != nil {
		_ = p.process.Process.Kill() // it may be gone
		<-p.exited
		p.process = nil
	}
}

// until waits for a condition; a script fails when it does not come true.
func (p *play) until(what string, holds func() bool) {
	deadline := time.Now().Add(scriptTimeout)
	for !holds() {
		if time.Now().After(deadline) {
			p.ts.Fatalf("it did not happen within %v: %s\n%s", scriptTimeout, what, p.logs())
		}
		<-time.After(pollEvery)
	}
}

func (p *play) logs() string {
	all, err := filepath.Glob(filepath.Join(p.work, "log", "*"))
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, name := range all {
		text, _ := os.ReadFile(name)
		fmt.Fprintf(&b, "--- %s\n%s", filepath.Base(name), text)
	}
	return b.String()
}

// begin starts lockstep run; killAt is a step at which it ends itself.
func (p *play) begin(killAt string, args []string) {
	if p.process != nil {
		p.ts.Fatalf("a daemon is running already")
	}
	p.starts++
	p.ts.Check(os.MkdirAll(filepath.Join(p.work, "log"), 0o700))
	log, err := os.Create(filepath.Join(p.work, "log", strconv.Itoa(p.starts)))
	p.ts.Check(err)
	defer log.Close()
	binary, err := exec.LookPath("lockstep")
	if err != nil {
		binary = filepath.Join(strings.SplitN(p.ts.Getenv("PATH"), string(os.PathListSeparator), 2)[0], "lockstep")
	}
	p.process = exec.Command(binary, append([]string{"run", "-listen", p.public, "-data", filepath.Join(p.work, "data")}, args...)...)
	p.process.Dir = p.work
	p.process.Stderr = log
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "INCIDENTIO_URL", "INCIDENTIO_API_KEY", "INCIDENTIO_WEBHOOK_SECRET", "SERVICENOW_URL", "SERVICENOW_PASSWORD", "JIRA_URL", "JIRA_API_TOKEN", hangAtKey} {
		if v := p.ts.Getenv(name); v != "" {
			p.process.Env = append(p.process.Env, name+"="+v)
		}
	}
	if killAt != "" {
		p.process.Env = append(p.process.Env, killAtKey+"="+killAt)
	}
	p.ts.Check(p.process.Start())
	p.exited = make(chan error, 1)
	go func(c *exec.Cmd, exited chan<- error) { exited <- c.Wait() }(p.process, p.exited)
	p.until("the daemon is ready", func() bool {
		select {
		case err := <-p.exited:
			p.process = nil
			p.ts.Fatalf("the daemon ended: %v\n%s", err, p.logs())
		default:
		}
		code, err := p.fetch(http.MethodGet, "/readyz", nil, nil)
		return err == nil && code == http.StatusOK
	})
}

func (p *play) cmdDaemon(args []string) { p.begin("", args) }

// gone waits for the daemon to end and returns how it did.
func (p *play) gone() error {
	select {
	case err := <-p.exited:
		p.process = nil
		return err
	case <-time.After(scriptTimeout):
		p.ts.Fatalf("the daemon did not end within %v\n%s", scriptTimeout, p.logs())
		return nil
	}
}

func (p *play) cmdSignal(args []string) {
	signals := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	s, ok := signals[args[0]]
	if !ok || p.process == nil {
		p.ts.Fatalf("signal: HUP, TERM or KILL, to a daemon that runs")
	}
	p.ts.Check(p.process.Process.Signal(s))
	if s == syscall.SIGKILL {
		_ = p.gone() // killed, as asked
	}
}

func (p *play) cmdStop([]string) {
	p.cmdSignal([]string{"TERM"})
	if err := p.gone(); err != nil {
		p.ts.Fatalf("the daemon did not stop well: %v\n%s", err, p.logs())
	}
}

func (p *play) cmdKillAt(steps []string) {
	for n, step := range steps {
		p.begin(step, []string{"itsm"})
		name := "killed at " + step
		p.cmdIncident([]string{"create", name, "name=" + name})
		p.deliver()
		var died *exec.ExitError
		if err := p.gone(); !errors.As(err, &died) {
			p.ts.Fatalf("at %s the daemon ended with %v", step, err)
		}
		p.begin("", []string{"itsm"})
		p.incident("edit", name, []string{"name=" + name + ", edited"})
		p.deliver()
		p.cmdUntilTicket([]string{name, "short_description=" + name + ", edited"})
		// Not quiet: what the killed one had not acknowledged comes again only
		// after half a minute, and must then change nothing. Invariants do not
		// wait for it.
		if got := len(p.itsm.Tickets()); got != n+1 {
			p.ts.Fatalf("%d tickets after a kill at %s, want %d\n%s", got, step, n+1, p.logs())
		}
		p.cmdStop(nil)
	}
}

// fetch sends a request to the daemon's public address.
func (p *play) fetch(method, path string, header http.Header, body []byte) (int, error) {
	request, err := http.NewRequest(method, "http://"+p.public+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	maps.Copy(request.Header, header)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func (p *play) cmdGet(args []string) {
	code, err := p.fetch(http.MethodGet, args[0], nil, nil)
	p.ts.Check(err)
	fmt.Fprintln(p.ts.Stdout(), code)
}

func (p *play) cmdPost(args []string) {
	flags, rest := flagsOf(args)
	if len(rest) != 2 {
		p.ts.Fatalf("post: PATH and FILE")
	}
	body := []byte(p.ts.ReadFile(rest[1]))
	if flags["size"] == "2MiB" {
		body = append(body, bytes.Repeat([]byte(" "), 2<<20)...)
	}
	header := http.Header{}
	if _, sign := flags["sign"]; sign {
		secret, id, at := webhookSecret, "msg_script", time.Now()
		if s := flags["secret"]; s != "" {
			secret = s
		}
		if s := flags["id"]; s != "" {
			id = s
		}
		if s := flags["age"]; s != "" {
			age, err := time.ParseDuration(s)
			p.ts.Check(err)
			at = at.Add(-age)
		}
		_, svix := flags["svix"]
		var err error
		header, err = incidentiotest.Headers(secret, id, at, body, svix)
		p.ts.Check(err)
	}
	code, err := p.fetch(http.MethodPost, rest[0], header, body)
	p.ts.Check(err)
	fmt.Fprintln(p.ts.Stdout(), code)
}

// ask asks the admin address, over its socket, as curl would.
func (p *play) ask(path string) ([]byte, error) {
	response, err := p.admin.Get("http://lockstep" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s\n%s", path, response.Status, body, p.logs())
	}
	return body, err
}

func (p *play) cmdAdmin(args []string) {
	answer, err := p.ask(args[0])
	p.ts.Check(err)
	fmt.Fprintln(p.ts.Stdout(), string(answer))
}

// status asks for the daemon's status.
func (p *play) status() (s admin.Status) {
	answer, err := p.ask("/v1/status")
	p.ts.Check(err)
	p.ts.Check(json.Unmarshal(answer, &s))
	return s
}
