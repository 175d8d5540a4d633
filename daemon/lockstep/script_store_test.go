package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

// cmdLimit bounds the length of the files that the daemon writes, as a full
// disk does.
func (p *play) cmdLimit(args []string) {
	if args[0] == "off" {
		p.ts.Check(limitFiles(p.process.Process.Pid, nil))
		p.lifted = time.Now()
		return
	}
	size, err := strconv.ParseUint(args[0], 10, 64)
	p.ts.Check(err)
	p.ts.Check(limitFiles(p.process.Process.Pid, &size))
}

// cmdFill creates incidents until a webhook is answered 503. None may wait for
// its answer for long.
func (p *play) cmdFill([]string) {
	for n := 1; n < 1000; n++ {
		name := fmt.Sprintf("filling %d", n)
		p.incident("create", name, []string{"name=" + name})
		for _, attempt := range p.incidents.Deliver(context.Background(), incidentiotest.Order{Tries: 1}) {
			switch {
			case attempt.Err != nil:
				p.ts.Fatalf("a webhook got no answer: %v", attempt.Err)
			case attempt.Status == http.StatusServiceUnavailable:
				p.filled = n
				return
			case attempt.Status != http.StatusAccepted:
				p.ts.Fatalf("a webhook was answered %d", attempt.Status)
			}
		}
	}
	p.ts.Fatalf("the store took everything")
}

// cmdUntilFilled waits until each incident of fill has its ticket, the one
// that was refused by way of a poll.
func (p *play) cmdUntilFilled([]string) {
	p.cmdUntilTickets([]string{strconv.Itoa(p.filled)})
	p.ts.Logf("%d tickets %v after the limit was lifted", p.filled, time.Since(p.lifted))
}

// cmdUntilReady waits until readyz answers with the code and, if there is a
// second argument, holds its text.
func (p *play) cmdUntilReady(args []string) {
	text := ""
	p.until("readyz answers "+args[0], func() bool {
		response, err := http.Get("http://" + p.public + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		text = string(body)
		return err == nil && strconv.Itoa(response.StatusCode) == args[0]
	})
	fmt.Fprint(p.ts.Stdout(), text)
}

// A cluster is a NATS server beside the daemon, with one user.
type cluster struct {
	server *server.Server
	dir    string
	port   int
}

// cmdNATS starts, ends or changes the NATS server: start | end | user NAME. Its
// address, with the user bot, is NATS_URL.
func (p *play) cmdNATS(args []string) {
	switch c := &p.cluster; args[0] {
	case "start":
		if c.dir == "" {
			c.dir, c.port = filepath.Join(p.work, "nats"), server.RANDOM_PORT
		}
		s, err := server.NewServer(c.options("bot"))
		p.ts.Check(err)
		s.Start()
		if !s.ReadyForConnections(scriptTimeout) {
			p.ts.Fatalf("the NATS server does not start")
		}
		c.server, c.port = s, s.Addr().(*net.TCPAddr).Port
		p.ts.Setenv("NATS_URL", fmt.Sprintf("nats://bot:its-a-secret@127.0.0.1:%d", c.port))
	case "end":
		c.end()
	case "user":
		p.ts.Check(c.server.ReloadOptions(c.options(args[1])))
	default:
		p.ts.Fatalf("nats: start, end or user NAME")
	}
}

func (c *cluster) options(user string) *server.Options {
	return &server.Options{
		Host: "127.0.0.1", Port: c.port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: c.dir,
		Users: []*server.User{{Username: user, Password: "its-a-secret"}},
	}
}

func (c *cluster) end() {
	if c.server != nil {
		c.server.Shutdown()
		c.server.WaitForShutdown()
		c.server = nil
	}
}
