package jetstream_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/engine/jetstream"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// listen runs a server on loopback.
func listen(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.Port, opts.NoSigs, opts.NoLog = "127.0.0.1", -1, true, true
	opts.StoreDir = t.TempDir()
	s, err := server.NewServer(opts)
	check(t, err)
	s.Start()
	t.Cleanup(func() { shutdown(s) })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

func connect(t *testing.T, s *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("bot", "secret"), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1), nats.IgnoreAuthErrorAbort())
	check(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// user has its permissions taken away: a subject it may not publish to, or may
// not subscribe to.
func user(publish, subscribe string) []*server.User {
	u := &server.User{Username: "bot", Password: "secret", Permissions: &server.Permissions{}}
	if publish != "" {
		u.Permissions.Publish = &server.SubjectPermission{Deny: []string{publish}}
	}
	if subscribe != "" {
		u.Permissions.Subscribe = &server.SubjectPermission{Deny: []string{subscribe}}
	}
	return []*server.User{u}
}

// What lockstep may not do it says when it opens the store, not when it first
// needs it.
func TestOpenNamesWhatIsRefused(t *testing.T) {
	for _, c := range []struct{ name, publish, subscribe, want string }{
		{name: "acks", publish: "$JS.ACK.>", want: `Publish to "$JS.ACK.lockstep_hints.`},
		{name: "hints", publish: "lockstep.hints.>", want: `stream lockstep_hints: the NATS user is not permitted what lockstep needs: nats: permissions violation: Permissions Violation for Publish to "lockstep.hints._check.write"`},
		{name: "retries", publish: "lockstep.retry.>", want: `Publish to "lockstep.retry._check.write"`},
		{name: "buckets", publish: "$KV.lockstep_marks.>", want: `Publish to "$KV.lockstep_marks._check.write"`},
		{name: "journal", publish: "lockstep.journal.>", want: `Publish to "lockstep.journal._check.write"`},
		{name: "everything", publish: "$JS.API.>", want: `Publish to "$JS.API.STREAM.INFO.lockstep_hints"`},
		{name: "reading", publish: "$JS.API.STREAM.MSG.GET.>", want: `Publish to "$JS.API.STREAM.MSG.GET.lockstep_hints"`},
		{name: "deleting", publish: "$JS.API.STREAM.MSG.DELETE.>", want: `Publish to "$JS.API.STREAM.MSG.DELETE.KV_lockstep_links"`},
		{name: "purging", publish: "$JS.API.STREAM.PURGE.>", want: `Publish to "$JS.API.STREAM.PURGE.lockstep_journal"`},
		{name: "scanning", publish: "$JS.API.CONSUMER.MSG.NEXT.>", want: `Publish to "$JS.API.CONSUMER.MSG.NEXT.KV_lockstep_links.`},
		{name: "answers", subscribe: "_INBOX.>", want: `Subscription to "_INBOX.`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := listen(t, &server.Options{JetStream: true, Users: user(c.publish, c.subscribe)})
			_, err := jetstream.Open(t.Context(), connect(t, s), jetstream.Options{})
			if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestOpenWithoutJetStream(t *testing.T) {
	account := server.NewAccount("A")
	for _, c := range []struct {
		name string
		opts *server.Options
		want error
	}{
		{"on the server", &server.Options{}, natsjs.ErrJetStreamNotEnabled},
		{"for the account", &server.Options{
			JetStream: true, Accounts: []*server.Account{account},
			Users: []*server.User{{Username: "bot", Password: "secret", Account: account}},
		}, natsjs.ErrJetStreamNotEnabledForAccount},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := jetstream.Open(t.Context(), connect(t, listen(t, c.opts)), jetstream.Options{})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A permission that is taken away and given back: nothing is acknowledged
// meanwhile, and all goes on without a restart.
func TestPermissionTakenAway(t *testing.T) {
	for name, refused := range map[string]string{"acks": "$JS.ACK.>", "hints": "lockstep.hints.>"} {
		t.Run(name, func(t *testing.T) {
			first := &server.Options{JetStream: true, Users: user("", "")}
			s := listen(t, first)
			opened, err := jetstream.Open(t.Context(), connect(t, s), jetstream.Options{})
			check(t, err)
			watch(t, opened, jetstream.Watch{})
			permit := func(users []*server.User) {
				t.Helper()
				check(t, s.ReloadOptions(&server.Options{
					Host: "127.0.0.1", Port: s.Addr().(*net.TCPAddr).Port, NoSigs: true, NoLog: true,
					JetStream: true, StoreDir: first.StoreDir, Users: users,
				}))
			}
			permit(user(refused, ""))
			waitFor(t, "the refusal to be known", func() bool { return errors.Is(opened.Err(), nats.ErrPermissionViolation) })
			if err := opened.Engine().Hints.Add(t.Context(), incidents.Ref("1"), ""); !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("add: %v", err)
			}
			permit(user("", ""))
			waitFor(t, "everything to go on", func() bool { return opened.Err() == nil })
			check(t, opened.Engine().Hints.Add(t.Context(), incidents.Ref("1"), ""))
		})
	}
}

// What the server will never take is no outage.
func TestTooLarge(t *testing.T) {
	s := listen(t, &server.Options{JetStream: true, MaxPayload: 2048, MaxControlLine: 1024})
	opened, err := jetstream.Open(t.Context(), connect(t, s), jetstream.Options{})
	check(t, err)
	kept := opened.Engine()
	large := make([]byte, 4096)
	if err := kept.Journal.Append(t.Context(), incidents.Ref("1"), large); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("append: %v", err)
	}
	if _, err := kept.Dead.Put(t.Context(), "key", large); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("put: %v", err)
	}
	check(t, kept.Journal.Append(t.Context(), incidents.Ref("1"), large[:1024]))
}

// waitFor is for tests in real time; its deadline is for one that fails.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
