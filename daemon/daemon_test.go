package daemon

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon/embed"
)

const memoryConfig = `
connector "memory" "acme" {
  url            = "memory://acme"
  webhook_secret = "s3cret-webhook"
}
connector "memory" "itsm" {
  url = "memory://itsm"
}
route "incidents" {
  source    = memory.acme.incident
  templates = [template.ticket]
}
template "ticket" {
  target = memory.itsm.incident
  outbound {
    title = "{{ incident.name }}"
  }
}
`

// A rig is one daemon on a directory of its own.
type rig struct {
	t       *testing.T
	options Options
	world   *memorySystem
	file    string
	log     *daemontest.Log

	address Addresses
	client  *admin.Client
	stop    context.CancelFunc
	done    chan error
}

func newRig(t *testing.T, config string) *rig {
	t.Helper()
	root := t.TempDir()
	r := &rig{t: t, world: newMemorySystem(), file: filepath.Join(root, "conf", "main.hcl")}
	daemontest.WriteFile(t, r.file, config)
	r.options = Options{
		Dir: filepath.Dir(r.file), Listen: "127.0.0.1:0", DataDir: filepath.Join(root, "data"),
		Systems: []connectors.System{r.world.system("memory")}, Version: "test",
	}
	r.options.Logger, r.log = daemontest.NewLog()
	t.Cleanup(func() {
		if r.stop != nil {
			r.end()
		}
		if t.Failed() {
			t.Log(r.log)
		}
	})
	return r
}

// run starts the daemon and waits until it is ready, or returns why it ended.
func (r *rig) run() error {
	ctx, stop := context.WithCancel(context.Background())
	ready := make(chan Addresses, 1)
	r.options.OnReady = func(a Addresses) { ready <- a }
	r.done = make(chan error, 1)
	go func() { r.done <- Run(ctx, r.options) }()
	select {
	case r.address = <-ready:
		r.stop, r.client = stop, admin.NewClient(r.address.Admin, "")
		return nil
	case err := <-r.done:
		stop()
		return err
	}
}

func (r *rig) start() {
	r.t.Helper()
	if err := r.run(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) end() {
	r.t.Helper()
	r.stop()
	r.stop = nil
	if err := <-r.done; err != nil {
		r.t.Errorf("the daemon ended with: %v", err)
	}
}

func (r *rig) status() admin.Status {
	r.t.Helper()
	s, _, err := r.client.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) post(path, body string) int {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.address.Public+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func incident(id string) connectors.Ref {
	return connectors.Collection{Type: "memory", Connector: "acme", Record: "incident"}.Ref(id)
}

// report changes an incident and sends the webhook about it.
func (r *rig) report(id, name string) {
	r.t.Helper()
	r.world.put(incident(id), false, map[string]any{"name": name})
	if code := r.post("/webhooks/acme", "s3cret-webhook "+id+" "+strings.ReplaceAll(name, " ", "-")); code != http.StatusAccepted {
		r.t.Fatalf("the webhook was answered with %d", code)
	}
}

func (r *rig) ticket(title string) {
	r.t.Helper()
	daemontest.Eventually(r.t, "a ticket titled "+title, func() bool { return slices.Contains(r.world.titles(), title) })
}

func TestRun(t *testing.T) {
	r := newRig(t, memoryConfig)
	r.start()

	// An incident becomes a ticket, and its edit reaches the ticket.
	r.report("1", "first")
	r.ticket("first")
	r.report("1", "edited")
	r.ticket("edited")
	first := r.status()
	if !first.Ready || !first.Config.OK || len(first.Routes) != 1 || len(first.Connectors) != 2 {
		t.Errorf("status %+v", first)
	}
	daemontest.Eventually(t, "the link in the status", func() bool { return r.status().Routes[0].Links == 1 })
	if code := r.post("/webhooks/acme", "wrong 1 x"); code != http.StatusUnauthorized {
		t.Errorf("a bad signature was answered with %d", code)
	}

	// A good change is taken over; connectors that did not change are kept.
	daemontest.WriteFile(t, r.file, replaced(t, memoryConfig, "{{ incident.name }}", "changed: {{ incident.name }}"))
	daemontest.Eventually(t, "the new configuration", func() bool { return r.status().Generation != first.Generation })
	r.report("2", "second")
	r.ticket("changed: second")
	if r.world.made["acme"] != 1 || r.world.made["itsm"] != 1 {
		t.Errorf("connectors made: %v, want one each", r.world.made)
	}

	// A bad one changes nothing but what is said, and tickets still flow.
	second := r.status()
	daemontest.WriteFile(t, r.file, replaced(t, memoryConfig, "title =", "titel ="))
	daemontest.Eventually(t, "the errors", func() bool { return !r.status().Config.OK })
	bad := r.status()
	if !bad.Ready || bad.Generation != second.Generation || len(bad.Config.Diagnostics) == 0 {
		t.Errorf("status %+v", bad)
	}
	var refused *admin.AnswerError
	if _, _, err := r.client.Reload(t.Context(), false); !errors.As(err, &refused) || refused.Status != http.StatusConflict || len(refused.Diagnostics) == 0 {
		t.Errorf("reload: %v", err)
	}
	r.report("3", "third")
	r.ticket("changed: third")

	// Repaired, also without waiting for the watcher.
	daemontest.WriteFile(t, r.file, memoryConfig)
	if s, _, err := r.client.Reload(t.Context(), false); err != nil || !s.Config.OK || s.Generation != first.Generation {
		t.Errorf("reload: %+v, %v", s, err)
	}

	// A restart: everything is still there, and nothing is opened twice.
	tickets := len(r.world.titles())
	r.end()
	r.start()
	r.report("1", "after the restart")
	r.ticket("after the restart")
	if got := len(r.world.titles()); got != tickets {
		t.Errorf("%d tickets after the restart, %d before", got, tickets)
	}
	if strings.Contains(r.log.String(), "s3cret-webhook") {
		t.Error("a secret is in the log")
	}
}

// TestAPauseOutlivesAReload: a connector that is made again, since its block
// changed, begins with the pauses that its system asked for.
func TestAPauseOutlivesAReload(t *testing.T) {
	r := newRig(t, memoryConfig)
	made := make(chan *connectors.Pauses, 10)
	system := &r.options.Systems[0]
	build := system.New
	system.New = func(name string, settings any, common connectors.Common, env connectors.Env) (connectors.Connector, error) {
		if name == "itsm" {
			made <- env.Pauses
		}
		return build(name, settings, common, env)
	}
	r.start()
	(<-made).Ask("itsm", time.Hour, true)
	daemontest.WriteFile(t, r.file, strings.Replace(memoryConfig, `"memory://itsm"`, "\"memory://itsm\"\n  poll_interval = \"30s\"", 1))
	if _, _, err := r.client.Reload(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if until := (<-made).Until("itsm"); until.IsZero() {
		t.Error("the pause is forgotten")
	}
}

func TestRunReloadsOnASignal(t *testing.T) {
	r := newRig(t, memoryConfig)
	reload := make(chan struct{})
	r.options.Reload = reload
	r.start()
	before := r.status().Generation
	daemontest.WriteFile(t, r.file, memoryConfig+"\n# more\n")
	reload <- struct{}{}
	daemontest.Eventually(t, "the new configuration", func() bool { return r.status().Generation != before })
}

func TestRunRefusesToStart(t *testing.T) {
	t.Run("bad configuration", func(t *testing.T) {
		r := newRig(t, replaced(t, memoryConfig, "title =", "titel ="))
		var bad *ConfigError
		if err := r.run(); !errors.As(err, &bad) || len(bad.Diagnostics) == 0 {
			t.Errorf("error %v, want diagnostics", err)
		}
		if _, err := os.Stat(r.options.DataDir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the data directory was touched: %v", err)
		}
	})
	t.Run("second daemon on a data directory", func(t *testing.T) {
		first := newRig(t, memoryConfig)
		first.start()
		second := newRig(t, memoryConfig)
		second.options.DataDir = first.options.DataDir
		if err := second.run(); !errors.Is(err, embed.ErrLocked) || !strings.Contains(err.Error(), first.options.DataDir) {
			t.Errorf("error %v, want that the directory is in use", err)
		}
		if !first.status().Ready {
			t.Error("the first daemon is not ready any more")
		}
	})
	t.Run("connector without a client", func(t *testing.T) {
		r := newRig(t, memoryConfig)
		r.options.Systems[0].New = nil
		if err := r.run(); err == nil || !strings.Contains(err.Error(), "no client for memory") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("address in use", func(t *testing.T) {
		first := newRig(t, memoryConfig)
		first.start()
		second := newRig(t, memoryConfig)
		second.options.Listen = first.address.Public
		if err := second.run(); err == nil || !strings.Contains(err.Error(), "listen "+first.address.Public) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("admin on a port without a token", func(t *testing.T) {
		r := newRig(t, memoryConfig)
		r.options.Admin = "127.0.0.1:0"
		if err := r.run(); err == nil || !strings.Contains(err.Error(), "admin 127.0.0.1:0: a port needs admin_token") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("admin socket that cannot be", func(t *testing.T) {
		r := newRig(t, memoryConfig)
		r.options.Admin = "unix://" + filepath.Join(t.TempDir(), strings.Repeat("n", 120))
		if err := r.run(); err == nil || !strings.HasPrefix(err.Error(), "admin unix://") {
			t.Errorf("error %v", err)
		}
	})
}

func TestRunWithALongDataDirectory(t *testing.T) {
	r := newRig(t, memoryConfig)
	r.options.DataDir = filepath.Join(r.options.DataDir, strings.Repeat("d", 150))
	r.start()
	if !r.status().Ready {
		t.Error("not ready")
	}
}

func TestRunWithAnAdminToken(t *testing.T) {
	r := newRig(t, memoryConfig+`
daemon {
  admin       = "127.0.0.1:0"
  admin_token = "s3cret-admin"
}
`)
	r.start()
	if strings.HasPrefix(r.address.Admin, "unix:") {
		t.Fatalf("admin at %s", r.address.Admin)
	}
	var refused *admin.AnswerError
	if _, _, err := r.client.Status(t.Context()); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		t.Errorf("without the token: %v", err)
	}
	r.client = admin.NewClient(r.address.Admin, "s3cret-admin")
	if !r.status().Ready {
		t.Error("not ready")
	}
	if strings.Contains(r.log.String(), "s3cret-admin") {
		t.Error("the token is in the log")
	}
}

// A cluster that is not there keeps the daemon from being ready, not from
// being up.
func TestRunWaitsForACluster(t *testing.T) {
	r := newRig(t, memoryConfig)
	r.options.NATSURL = "nats://127.0.0.1:1"
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, r.options) }()
	daemontest.Eventually(t, "the daemon to wait", func() bool { return strings.Contains(r.log.String(), "waiting for it") })
	client := admin.NewClient(AdminSocket(r.options.DataDir), "")
	s, _, err := client.Status(t.Context())
	if err != nil || s.Ready || !strings.Contains(s.Waiting, "store") {
		t.Errorf("status %+v, %v", s, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// A reconcile that hangs holds up a stop only until it is aborted.
func TestAbortEndsAStopAtOnce(t *testing.T) {
	r := newRig(t, memoryConfig)
	abort := make(chan struct{})
	r.options.Abort = abort
	hung := make(chan struct{})
	hanging := &hangingSystem{memorySystem: r.world, hung: hung}
	r.options.Systems = []connectors.System{hanging.system("memory")}
	r.start()
	r.report("1", "first")
	<-hung
	r.stop()
	r.stop = nil
	close(abort)
	select {
	case err := <-r.done:
		if err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("ended with %v, want that work was cut off", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the stop hangs")
	}
}

// A hangingSystem never answers a read until its context ends.
type hangingSystem struct {
	*memorySystem
	hung chan struct{}
}

func (s *hangingSystem) system(name string) connectors.System {
	system := s.memorySystem.system(name)
	newConnector := system.New
	system.New = func(name string, settings any, common connectors.Common, env connectors.Env) (connectors.Connector, error) {
		c, err := newConnector(name, settings, common, env)
		return &hangingConnector{memoryConnector: c.(*memoryConnector), system: s}, err
	}
	return system
}

type hangingConnector struct {
	*memoryConnector
	system *hangingSystem
}

func (c *hangingConnector) Read(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	select {
	case c.system.hung <- struct{}{}:
	case <-ctx.Done():
	}
	<-ctx.Done()
	return connectors.Record{}, &connectors.Error{Class: connectors.ClassUnclear, Op: "read", Record: ref.String(), Err: ctx.Err()}
}
