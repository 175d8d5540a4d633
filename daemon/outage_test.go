package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjetstream "github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// natsWith runs a NATS server on loopback; on a port that is not zero, in the
// place of one that ended.
func natsWith(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.NoSigs, opts.NoLog = "127.0.0.1", true, true
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	if opts.StoreDir == "" {
		opts.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { endServer(s) })
	return s
}

func endServer(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func users(names ...string) (all []*server.User) {
	for _, name := range names {
		all = append(all, &server.User{Username: name, Password: "s3cret-nats"})
	}
	return all
}

func (r *rig) readyz() (code int, text string) {
	r.t.Helper()
	response, err := http.Get("http://" + r.address.Public + "/readyz")
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(body))
}

// untilReadyz waits for what readyz says, which status must say as well.
func (r *rig) untilReadyz(want int, text string) {
	r.t.Helper()
	daemontest.Eventually(r.t, fmt.Sprintf("readyz to answer %d %s", want, text), func() bool {
		code, said := r.readyz()
		s := r.status()
		same := s.Ready == (code == http.StatusOK) && (s.Ready || s.Waiting == said)
		return code == want && strings.Contains(said, text) && same
	})
}

// A user that is taken away and given back, later than the client library
// waits for: nothing is taken meanwhile, everything after.
func TestClusterRefusesTheLogIn(t *testing.T) {
	t.Parallel()
	first := &server.Options{JetStream: true, Users: users("bot")}
	s := natsWith(t, first)
	r := newRig(t, memoryConfig)
	r.options.NATSURL = "nats://bot:s3cret-nats@" + s.Addr().String()
	r.start()
	r.report("1", "before")
	r.ticket("before")
	become := func(name string) {
		t.Helper()
		err := s.ReloadOptions(&server.Options{
			Host: "127.0.0.1", Port: s.Addr().(*net.TCPAddr).Port, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: first.StoreDir, Users: users(name),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	become("other")
	r.untilReadyz(http.StatusServiceUnavailable, "Authorization Violation")
	refusals := func() int { return strings.Count(strings.ToLower(r.log.String()), "authorization violation") }
	before := refusals()
	daemontest.Eventually(t, "it to be tried again", func() bool { return refusals() >= before+3 })
	r.world.put(incident("2"), false, map[string]any{"name": "meanwhile"})
	if code := r.post("/webhooks/acme", "s3cret-webhook 2 meanwhile"); code != http.StatusServiceUnavailable {
		t.Errorf("a webhook was answered %d", code)
	}
	become("bot")
	r.untilReadyz(http.StatusOK, "")
	r.report("3", "after")
	r.ticket("after")
	if strings.Contains(r.log.String(), "s3cret-nats") {
		t.Error("the password is in the log")
	}
}

// A mistake ends the start, and says which it is.
func TestMistakesWithAClusterEndTheStart(t *testing.T) {
	account := server.NewAccount("A")
	missing := filepath.Join(t.TempDir(), "missing")
	noAcks := users("bot")
	noAcks[0].Permissions = &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.ACK.>"}}}
	inAccount := users("bot")
	inAccount[0].Account = account
	site := httptest.NewTLSServer(nil) // for its certificate
	site.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	daemontest.WriteFile(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw})))
	verified := &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: site.TLS.Certificates, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(),
	}
	for _, c := range []struct {
		name, block, user, want string
		opts                    server.Options
	}{
		{name: "password", user: "bot:wrong", opts: server.Options{JetStream: true, Users: users("bot")}, want: "Authorization Violation"},
		{name: "creds", user: "bot:s3cret-nats", block: `creds = "` + missing + `"`, opts: server.Options{JetStream: true, Users: users("bot")}, want: missing},
		{name: "ca", user: "bot:s3cret-nats", block: `ca = "` + missing + `"`, opts: server.Options{JetStream: true, Users: users("bot")}, want: missing},
		{name: "no JetStream", user: "bot:s3cret-nats", opts: server.Options{Users: users("bot")}, want: "jetstream not enabled"},
		{name: "no JetStream for the account", user: "bot:s3cret-nats", opts: server.Options{JetStream: true, Accounts: []*server.Account{account}, Users: inAccount}, want: "JetStream not enabled for account"},
		{
			name: "client certificate", user: "bot:s3cret-nats", block: `ca = "` + ca + `"`, want: "tls: ",
			opts: server.Options{JetStream: true, Users: users("bot"), TLS: true, TLSVerify: true, TLSTimeout: 5, TLSConfig: verified},
		},
		{
			name: "server certificate", user: "bot:s3cret-nats", want: "certificate signed by unknown authority",
			opts: server.Options{JetStream: true, Users: users("bot"), TLS: true, TLSTimeout: 5, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: site.TLS.Certificates}},
		},
		{name: "acks", user: "bot:s3cret-nats", opts: server.Options{JetStream: true, Users: noAcks}, want: `Permissions Violation for Publish to "$JS.ACK.lockstep_hints.`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := natsWith(t, &c.opts)
			r := newRig(t, memoryConfig+fmt.Sprintf("daemon {\n nats {\n url = %q\n %s\n }\n}\n", "nats://"+c.user+"@"+s.Addr().String(), c.block))
			if err := r.run(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the start ended with %v, want %s", err, c.want)
			}
			if strings.Contains(r.log.String(), "s3cret-nats") {
				t.Error("the password is in the log")
			}
		})
	}
}

// natsCluster makes the options of servers that know each other.
func natsCluster(t *testing.T, size int) []*server.Options {
	t.Helper()
	var all []*server.Options
	var routes []*url.URL
	free := func() int {
		address, err := simulator.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(address)
		n, _ := strconv.Atoi(port)
		return n
	}
	for range size {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", free())})
	}
	for i, route := range routes {
		_, port, _ := net.SplitHostPort(route.Host)
		opts := &server.Options{
			ServerName: fmt.Sprint("s", i), Port: free(), StoreDir: t.TempDir(), JetStream: true, Routes: routes,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1"},
		}
		_, _ = fmt.Sscan(port, &opts.Cluster.Port)
		all = append(all, opts)
	}
	return all
}

// A cluster that is still forming is waited for; one that loses its quorum
// takes nothing until it has it again, and then all goes on.
func TestClusterWithoutQuorum(t *testing.T) {
	t.Parallel()
	all := natsCluster(t, 3)
	var servers []*server.Server
	var addresses []string
	for _, opts := range all {
		addresses = append(addresses, fmt.Sprint("nats://127.0.0.1:", opts.Port))
	}
	servers = append(servers, natsWith(t, all[0]))
	r := newRig(t, memoryConfig+"daemon {\n nats {\n url = \""+strings.Join(addresses, ",")+"\"\n replicas = 3\n }\n}\n")
	started := make(chan error, 1)
	go func() { started <- r.run() }()
	daemontest.Eventually(t, "the daemon to wait", func() bool { return strings.Contains(r.log.String(), "waiting for it") })
	for _, opts := range all[1:] {
		servers = append(servers, natsWith(t, opts))
	}
	select {
	case err := <-started:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("it does not start")
	}
	r.report("1", "before")
	r.ticket("before")

	endServer(servers[1])
	endServer(servers[2])
	// The end of the first moves leaders, which fails one check; a check begun
	// before the end of the second may pass once more.
	eventuallyWithin(t, time.Minute, "both addresses to say that the quorum is lost", func() bool {
		code, _ := r.readyz()
		s := r.status()
		return code == http.StatusServiceUnavailable && !s.Ready && s.Waiting != ""
	})
	if code := r.post("/webhooks/acme", "s3cret-webhook 2 meanwhile"); code != http.StatusServiceUnavailable {
		t.Errorf("a webhook was answered %d", code)
	}
	for _, opts := range all[1:] {
		natsWith(t, opts)
	}
	eventuallyWithin(t, 2*time.Minute, "the quorum to be back", func() bool { code, _ := r.readyz(); return code == http.StatusOK })
	r.report("3", "after")
	r.ticket("after")
}

// Streams that are deleted on the server are made again, and status says what
// they held.
func TestDeletedStreams(t *testing.T) {
	s := natsWith(t, &server.Options{JetStream: true})
	r := newRig(t, memoryConfig)
	r.options.NATSURL = s.ClientURL()
	r.start()
	r.report("1", "first")
	r.ticket("first")
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := natsjetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"KV_lockstep_links", "KV_lockstep_dead"} {
		if err := js.DeleteStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	daemontest.Eventually(t, "the losses to be told", func() bool { return len(r.status().Lost) == 2 })
	r.untilReadyz(http.StatusOK, "")
	for i, want := range []string{"links", "dead letters"} {
		if got := r.status().Lost[i].What; !strings.HasPrefix(got, want) {
			t.Errorf("lost %q, want %s", got, want)
		}
	}
	r.report("1", "second") // finds the ticket again, and takes it as it is
	daemontest.Eventually(t, "the link to be made again", func() bool { return r.status().Routes[0].Links == 1 })
	r.report("1", "third")
	r.ticket("third")
	if n := len(r.world.titles()); n != 1 {
		t.Errorf("%d tickets for one record", n)
	}
	// The key is the old one, so that after a restart nothing seems edited.
	r.end()
	r.start()
	r.report("1", "fourth")
	r.ticket("fourth")
}

func eventuallyWithin(t *testing.T, timeout time.Duration, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for !ok() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("never happened: %s", what)
		}
	}
}
