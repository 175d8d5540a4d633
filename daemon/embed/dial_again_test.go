package embed

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// A user that is taken away and given back much later is served again.
func TestRefusedLogInIsTriedAgain(t *testing.T) {
	options := func(user string) *server.Options {
		return &server.Options{
			Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			Users: []*server.User{{Username: user, Password: "secret"}},
		}
	}
	s := listen(t, options("bot"))
	nc, err := Dial(t.Context(), DialOptions{URL: "nats://bot:secret@" + s.Addr().String()})
	check(t, err)
	defer nc.Close()
	refused := make(chan error, 100)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err })
	back := nc.StatusChanged(nats.CONNECTED)
	reload := func(user string) {
		next := options(user)
		next.Port = s.Addr().(*net.TCPAddr).Port
		check(t, s.ReloadOptions(next))
	}
	reload("other")
	for range 3 { // the client library gives up at the second
		select {
		case <-refused:
		case <-time.After(20 * time.Second):
			t.Fatalf("it is not tried again; the connection is %v", nc.Status())
		}
	}
	reload("bot")
	select {
	case <-back:
	case <-time.After(20 * time.Second):
		t.Fatalf("the connection is %v", nc.Status())
	}
	check(t, nc.Flush())
}
