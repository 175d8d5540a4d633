package embed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// lookAgain is how long after a failure is seen it must be seen again.
	lookAgain = 250 * time.Millisecond
	// The server calls itself not ready when it does not get the processor for
	// a millisecond. askHealth is how often it is asked, and then what is
	// believed is whether it answers within answerLimit.
	askHealth   = 5
	answerLimit = 10 * time.Second
)

// healthz returns what a server says of itself.
func healthz(running *server.Server) *server.HealthStatus {
	return running.Healthz(&server.HealthzOptions{Details: true})
}

// failure returns what is wrong with the server that runs or with its files. To end
// a healthy server is an outage, so it must be seen twice: streams are made and
// deleted while one looks.
func (s *Server) failure() error {
	running := s.running.Load()
	if running == nil {
		return errors.New("the embedded NATS server does not run")
	}
	first := s.look(running)
	if first == nil {
		return nil
	}
	time.Sleep(lookAgain)
	err := s.look(running)
	if err == nil {
		s.logger.Info("the embedded NATS server looked bad for a moment; it is well", "looked", first)
	}
	return err
}

func (s *Server) look(running *server.Server) error {
	if err := s.well(running); err != nil {
		return fmt.Errorf("the embedded NATS server: %w", err)
	}
	if err := s.complete(running); err != nil {
		return fmt.Errorf("data directory %s: %w", s.opts.Dir, err)
	}
	return nil
}

// well asks the server how it and its streams do.
func (s *Server) well(running *server.Server) error {
	for range askHealth {
		health := s.healthz(running)
		if len(health.Errors) == 0 {
			break
		}
		if said := health.Errors[0]; said.Type != server.HealthzErrorConn {
			return errors.New(said.Error)
		}
		if err := answers(running); err != nil {
			return err
		}
	}
	if !running.Running() {
		return errors.New("it has stopped")
	}
	return nil
}

// answers makes a connection and waits for an answer on it.
func answers(running *server.Server) error {
	nc, err := nats.Connect("", nats.InProcessServer(running), nats.Timeout(answerLimit), nats.NoReconnect())
	if err != nil {
		return err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	return nc.FlushWithContext(ctx)
}

// complete checks that the files of every stream are where they were: a server
// whose files were removed goes on writing to what nobody finds again.
func (s *Server) complete(running *server.Server) error {
	before, err := open(running)
	if err != nil {
		return err
	}
	found, err := lookAt(s.opts.Dir)
	if err != nil {
		return err
	}
	after, err := open(running)
	if err != nil {
		return err
	}
	// A stream that was deleted is no longer expected, and a new one is once
	// its files were seen.
	s.streams = s.streams.and(before)
	if err := missing(s.streams.and(after), found.streams); err != nil {
		return err
	}
	s.streams = found.streams.and(after)
	if s.opts.Lock != nil {
		return s.opts.Lock.held()
	}
	return nil
}

// Kept checks that the directory is still this process's, and that the files of
// a stream are in it. It takes microseconds.
func (s *Server) Kept(stream string) error {
	if s.opts.Lock != nil {
		if err := s.opts.Lock.held(); err != nil {
			return fmt.Errorf("data directory %s: %w", s.opts.Dir, bare(err))
		}
	}
	// Connections inside the process are of the global account.
	if _, err := os.Stat(filepath.Join(s.opts.Dir, "jetstream", "$G", "streams", stream, "meta.inf")); err != nil {
		return fmt.Errorf("data directory %s: the files of stream %s: %w", s.opts.Dir, stream, bare(err))
	}
	return nil
}

// missing reports an error if streams are not among those found.
func missing(want, found names) error {
	gone := len(want) - len(want.and(found))
	if gone == 0 {
		return nil
	}
	return fmt.Errorf("the files of %d of %d streams are gone (removed, or on a volume that is not mounted); "+
		"put them back, or start lockstep again to go on without them", gone, len(want))
}

// names are streams, by ACCOUNT/NAME.
type names map[string]bool

// and returns what is in both.
func (n names) and(other names) names {
	both := names{}
	for name := range n {
		if other[name] {
			both[name] = true
		}
	}
	return both
}

// open returns the streams that a server has.
func open(running *server.Server) (names, error) {
	state, err := running.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return nil, err
	}
	if state.Disabled {
		return nil, errors.New("the embedded NATS server has turned JetStream off")
	}
	all := names{}
	for _, account := range state.AccountDetails {
		for _, stream := range account.Streams {
			all[account.Name+"/"+stream.Name] = true
		}
	}
	return all, nil
}

// contents is what lies in a store directory.
type contents struct {
	streams   names
	encrypted bool
}

// lookAt reads the layout of the server's file store:
// jetstream/ACCOUNT/streams/NAME/meta.inf, with a meta.key beside it where the
// stream is encrypted. What is not there is no error; what cannot be read is.
func lookAt(dir string) (contents, error) {
	c := contents{streams: names{}}
	root := filepath.Join(dir, "jetstream")
	accounts, err := os.ReadDir(root)
	if err != nil {
		return c, ignoreGone(err)
	}
	for _, account := range accounts {
		if !account.IsDir() {
			continue
		}
		streams := filepath.Join(root, account.Name(), "streams")
		found, err := os.ReadDir(streams)
		if ignoreGone(err) != nil {
			return c, err
		}
		for _, stream := range found {
			if err := c.add(filepath.Join(streams, stream.Name()), account.Name()+"/"+stream.Name()); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// add adds the stream of that name if its directory holds one.
func (c *contents) add(dir, name string) error {
	_, err := os.Stat(filepath.Join(dir, "meta.inf"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	} else if err != nil {
		return err
	}
	c.streams[name] = true
	_, err = os.Stat(filepath.Join(dir, "meta.key"))
	c.encrypted = c.encrypted || err == nil
	return ignoreGone(err)
}
