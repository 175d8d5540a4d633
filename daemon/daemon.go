package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon/embed"
	"github.com/lockstep-sync/lockstep/daemon/socket"
	"github.com/lockstep-sync/lockstep/daemon/systemd"
	"github.com/lockstep-sync/lockstep/daemon/watch"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
	"github.com/lockstep-sync/lockstep/rules"
)

// What the daemon block leaves out.
const (
	DefaultListen  = "127.0.0.1:8080"
	DefaultDataDir = ".lockstep"
)

// Options are what a daemon is made of. Those that are not empty win over the
// daemon block of the configuration.
type Options struct {
	Dir     string // of the configuration
	Listen  string
	Admin   string
	DataDir string
	NATSURL string
	Vars    map[string]string
	Env     func(string) (string, bool)
	Systems []connectors.System // the connector types there are
	Version string              // of this build, for User-Agent and metrics
	Logger  *slog.Logger

	// Offline takes what env() reads and is not set for empty, as the commands do that
	// talk to no system.
	Offline bool
	// Prepare, if not nil, may change every configuration that was loaded before
	// anything is made of it. On an error it is not taken over.
	Prepare func(*rules.Set) error

	// Reload, if not nil, asks for a reload with everything it receives.
	Reload <-chan struct{}
	// Abort, if not nil, ends a stop that is under way at once when closed.
	Abort <-chan struct{}
	// OnReady, if not nil, is called once, when everything runs.
	OnReady func(Addresses)
	// OnStep and RoundTripper are for tests: steps of a reconcile, and what
	// carries the requests of a connector.
	OnStep       func(context.Context, reconcile.Step)
	RoundTripper func(connector string) http.RoundTripper
}

// Addresses are where a daemon listens.
type Addresses struct {
	Public string // HOST:PORT
	Admin  string // "unix://PATH", HOST:PORT or, with tls, "https://HOST:PORT"
}

// A ConfigError says that a configuration is bad, in terms of its files.
type ConfigError struct{ Diagnostics rules.Diagnostics }

func (e *ConfigError) Error() string { return "invalid configuration" }

// process is one running daemon.
type process struct {
	o       Options
	log     *slog.Logger
	metrics *metrics
	notify  systemd.Notifier
	factory connectorFactory
	reload  *reloader
	// certificates are those of the listeners on ports; nil: they are plain.
	certificates *certificates

	connectorSet atomic.Pointer[connectorSet]
	receivers    atomic.Pointer[map[string]connectors.WebhookReceiver]
	// engine is set when its consumers run: a hint that came earlier would be
	// older than the place at which a new route begins.
	engine   atomic.Pointer[engine.Engine]
	store    atomic.Pointer[storage]
	waiting  atomic.Pointer[error] // why the store is not open yet
	stopping atomic.Bool

	// background are goroutines that end with the context they were given.
	background sync.WaitGroup
	// advising ends the questions about an older configuration; it belongs to
	// whoever starts or reloads.
	advising context.CancelFunc
	// renamed holds that a system has other names than when it was asked.
	renamed  chan struct{}
	webhooks webhookHealth
}

// Run runs the daemon, from loading the configuration until ctx ends and what is
// in work is finished. A configuration that is bad is a *ConfigError, a data
// directory that is in use embed.ErrLocked.
func Run(ctx context.Context, o Options) (err error) {
	p := &process{o: o, log: o.Logger, renamed: make(chan struct{}, 1)}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.o.Env == nil {
		p.o.Env = func(string) (string, bool) { return "", false }
	}
	p.notify = systemd.NewNotifier(p.o.Env)
	p.metrics = newMetrics(o.Version, p.routes, p.connectors, p.ready)
	p.factory = connectorFactory{log: p.log, observer: p.metrics, userAgent: "lockstep/" + o.Version, roundTripper: o.RoundTripper, pauses: connectors.NewPauses()}
	p.factory.renamed = func() {
		select {
		case p.renamed <- struct{}{}:
		default: // it is known already
		}
	}
	// Goroutines of the daemon itself end first.
	lifeCtx, endLife := context.WithCancel(ctx)
	defer endLife()
	p.reload = &reloader{
		life: lifeCtx,
		dir:  o.Dir, log: p.log, metrics: p.metrics, notify: p.notify,
		load:   p.load,
		commit: func(ctx context.Context) string { return gitCommit(ctx, o.Dir) },
		apply:  p.apply,
	}

	set, found := p.reload.begin(ctx)
	if set == nil {
		return &ConfigError{Diagnostics: found}
	}
	for _, d := range set.Warnings {
		logDiagnostic(p.log, d)
	}
	if files := set.Daemon.TLS; files != nil {
		if p.certificates, found = newCertificates(*files, p.log); p.certificates == nil {
			return &ConfigError{Diagnostics: found}
		}
	}
	// Connectors are made before anything is touched: one that cannot be made
	// is a mistake in the configuration.
	built, err := p.factory.build(set, nil)
	if err != nil {
		return err
	}
	p.setConnectors(built)
	defer func() { p.connectorSet.Load().closeBut(nil) }()

	running := &steps{log: p.log}
	defer func() {
		p.stopping.Store(true)
		stopCtx, cancel := p.stopContext(ctx)
		defer cancel()
		err = errors.Join(err, running.end(stopCtx))
	}()
	addresses, err := p.start(ctx, lifeCtx, set, running)
	running.started("background work", inFront(func(ctx context.Context) error {
		endLife()
		return errors.Join(p.reload.attempts.end(ctx), waitFor(ctx, p.background.Wait))
	}))
	if err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop while starting
		}
		return err
	}

	p.log.Info("ready", "listen", addresses.Public, "admin", addresses.Admin,
		"generation", set.Generation, "commit", p.reload.state.Load().commit, "routes", len(set.Routes), "connectors", len(set.Connectors))
	p.reload.tell(p.notify.Ready("running"))
	if o.OnReady != nil {
		o.OnReady(addresses)
	}
	p.wait(ctx)
	p.log.Info("stopping: finishing what is in work")
	p.reload.tell(p.notify.Stopping())
	return nil
}

// load reads the configuration from its files.
func (p *process) load(ctx context.Context) (*rules.Set, rules.Diagnostics) {
	set, found := rules.Load(ctx, p.o.Dir, rules.Options{Systems: p.o.Systems, Vars: p.o.Vars, Env: p.o.Env, Offline: p.o.Offline})
	if set == nil || p.o.Prepare == nil {
		return set, found
	}
	if err := p.o.Prepare(set); err != nil {
		return nil, rules.Diagnostics{{Severity: rules.SeverityError, File: p.o.Dir, Summary: err.Error()}}
	}
	return set, found
}

// stopContext returns the context in which everything stops: it outlives ctx, for a
// bounded time, and not an abort.
func (p *process) stopContext(ctx context.Context) (context.Context, context.CancelFunc) {
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	if p.o.Abort != nil {
		go func() {
			select {
			case <-p.o.Abort:
				p.log.Warn("stopping at once; what is in work is settled at the next start")
				cancel()
			case <-stopCtx.Done():
			}
		}()
	}
	return stopCtx, cancel
}

// start starts everything in order and notes in running how to end it.
func (p *process) start(ctx, lifeCtx context.Context, set *rules.Set, running *steps) (Addresses, error) {
	var none Addresses
	dataDir := firstOf(p.o.DataDir, set.Daemon.DataDir, DefaultDataDir)
	lock, err := embed.Lock(dataDir)
	if err != nil {
		return none, fmt.Errorf("data directory %w", err)
	}
	running.started("data directory", func(context.Context) error {
		if running.left {
			return errors.New("it stays locked until the process ends: something still uses it")
		}
		return lock.Unlock()
	})

	operators, adminAddress, err := p.listenAdmin(ctx, set, dataDir, running)
	if err != nil {
		return none, err
	}
	listen := firstOf(p.o.Listen, set.Daemon.Listen, DefaultListen)
	world, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return none, fmt.Errorf("listen %s: %w", listen, socket.BareError(err))
	}
	running.started("listener of the public address", func(context.Context) error { return ignoreClosed(world.Close()) })
	// Both answer from here on: that the daemon starts is an answer too.
	endPublic := p.serve("public address", world, p.public().handler(), running)
	answers, err := p.admin(lifeCtx, set, adminAddress)
	if err != nil {
		return none, err
	}
	p.serve("admin address", operators, answers, running)
	if path, ok := socket.Path(adminAddress); ok {
		p.background.Go(func() { p.keepSocket(lifeCtx, path, answers) })
	}
	if p.certificates != nil {
		p.background.Go(func() { p.certificates.watch(lifeCtx, renewEvery) })
	}

	all := p.connectorSet.Load().connectors()
	opened, e, err := p.openEngine(ctx, engine.Config{Set: set, Commit: p.reload.state.Load().commit, Connectors: all}, dataDir, lock, running)
	if err != nil {
		return none, err
	}
	p.reload.applied = func(set *rules.Set) { p.advise(lifeCtx, set, p.connectorSet.Load().connectors()) }
	p.advise(lifeCtx, set, all)
	p.engine.Store(e) // hints and reloads from here on
	p.background.Go(func() { opened.run(lifeCtx, e) })
	// Nothing new comes in while the engine drains.
	running.started("webhooks", inFront(endPublic))

	watcher := &watch.Watcher{
		Dir: p.o.Dir, Files: p.reload.files, Log: p.log,
		Changed: func(ctx context.Context) { _ = p.reload.reload(ctx, "files changed") }, // logged there
		Check:   p.reload.check,
	}
	p.background.Go(func() { watcher.Run(lifeCtx) })
	return Addresses{Public: world.Addr().String(), Admin: adminAddress}, nil
}

// serve serves a listener until the returned function, or the step it notes,
// is called.
func (p *process) serve(name string, listener net.Listener, handler http.Handler, running *steps) func(context.Context) error {
	server := newServer(handler, p.log)
	served := make(chan error, 1)
	listener = p.guard(listener)
	go func() { served <- server.Serve(listener) }()
	var once sync.Once
	stop := func(ctx context.Context) (err error) {
		once.Do(func() {
			if err = server.Shutdown(ctx); err != nil {
				err = errors.Join(err, server.Close())
			}
			if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
				err = errors.Join(err, failed)
			}
		})
		return err
	}
	running.started(name, stop)
	return stop
}

// wait returns when ctx ends. Until then it passes on what the service manager
// asks for.
func (p *process) wait(ctx context.Context) {
	var pulse <-chan time.Time
	if every, ok := p.notify.Pulse(); ok {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		pulse = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.o.Reload:
			// Beside the pulse: a reload may wait for the store.
			p.background.Go(func() { _ = p.reload.reload(ctx, "signal") }) // logged there
		case <-pulse:
			p.reload.tell(p.notify.Alive())
		}
	}
}

// apply swaps the configuration; on an error the old one runs on.
func (p *process) apply(ctx context.Context, set *rules.Set, commit string) error {
	e := p.engine.Load()
	if e == nil {
		return errors.New("the daemon is still starting")
	}
	before := *p.connectorSet.Load()
	built, err := p.factory.build(set, before)
	if err != nil {
		return err
	}
	all := built.connectors()
	if err := e.Apply(ctx, engine.Config{Set: set, Commit: commit, Connectors: all}); err != nil {
		built.closeBut(before)
		return err
	}
	p.setConnectors(built)
	before.closeBut(built)
	return nil
}

func (p *process) setConnectors(set connectorSet) {
	receivers := set.receivers()
	p.connectorSet.Store(&set)
	p.receivers.Store(&receivers)
}

// ready returns nil when the daemon does its work, else why it does not.
func (p *process) ready() error {
	if p.stopping.Load() {
		return errors.New("stopping")
	}
	e, s := p.engine.Load(), p.store.Load()
	switch {
	case s == nil:
		if why := p.waiting.Load(); why != nil {
			return fmt.Errorf("starting: the store is not open yet: %w", *why)
		}
		return errors.New("starting: the store is not open yet")
	case e == nil:
		return errors.New("starting: consumers do not run yet")
	case !e.Ready():
		return errors.New("consumers do not run")
	}
	if err := s.opened.Err(); err != nil {
		return fmt.Errorf("nothing can be stored: %w", err)
	}
	return nil
}

func (p *process) public() *public {
	return &public{
		log:       p.log,
		receivers: func() map[string]connectors.WebhookReceiver { return *p.receivers.Load() },
		hint: func(ctx context.Context, refs []connectors.Ref, delivery string) error {
			e := p.engine.Load()
			if e == nil {
				return errors.New("the daemon is still starting")
			}
			// Finding the records that are concerned could take long as well.
			if err := p.store.Load().opened.Err(); err != nil {
				return err
			}
			return e.Hint(ctx, refs, delivery)
		},
		ready: p.ready,
		count: p.metrics.webhook,
		now:   time.Now,

		health: &p.webhooks,
	}
}

// hostname returns what the machine is called, or nothing.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
