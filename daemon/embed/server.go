package embed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/connectors"
)

const (
	startLimit = 30 * time.Second
	maxPayload = 8 << 20 // a journal entry may quote a long text
	// storeLimit is more than any disk, so that the disk is the limit. Left to
	// itself the server takes three quarters of what is free at the start, and
	// then refuses a stream whose bound is higher.
	storeLimit = 1 << 50
)

// Options of a Server.
type Options struct {
	Dir string // made if it is not there; the caller holds its Lock
	// EncryptionKey, if not empty, encrypts the files. Files that are not
	// encrypted yet are encrypted as they are rewritten.
	EncryptionKey connectors.Secret
	Logger        *slog.Logger
}

// A Server is a NATS server that only this process reaches.
type Server struct {
	server *server.Server
	logger *slog.Logger
}

// Start runs a server on the directory until Close. Everything that a stream
// has acknowledged is on the disk.
func Start(opts Options) (*Server, error) {
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	logger = logger.With("component", "nats")
	before, err := lookAt(opts.Dir)
	if err != nil {
		return nil, err
	}
	if before.encrypted && opts.EncryptionKey == "" {
		return nil, fmt.Errorf("%s is encrypted; set the key in daemon { encryption { key } }", opts.Dir)
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, err
	}
	config := &server.Options{
		ServerName:        "lockstep",
		DontListen:        true,
		NoSigs:            true,
		JetStream:         true,
		StoreDir:          opts.Dir,
		SyncAlways:        true,
		MaxPayload:        maxPayload,
		JetStreamMaxStore: storeLimit,
	}
	if opts.EncryptionKey != "" {
		config.JetStreamKey = opts.EncryptionKey.Reveal()
		config.JetStreamCipher = server.ChaCha
	}
	s, err := server.NewServer(config)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	log := &serverLog{logger: logger}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	started := &Server{server: s, logger: logger}
	if err := started.ready(log, opts.Dir, before); err != nil {
		started.Close()
		return nil, err
	}
	return started, nil
}

// ready checks that the server runs and has opened everything that lay in the
// directory: one that cannot read a stream starts without it.
func (s *Server) ready(log *serverLog, dir string, before contents) error {
	if !s.server.ReadyForConnections(startLimit) || log.fatal() != nil {
		return fmt.Errorf("embedded NATS server on %s does not start: %w", dir, errors.Join(log.fatal(), errIfNone(log)))
	}
	state, err := s.server.Jsz(nil)
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	if state.Streams < before.streams {
		err := fmt.Errorf("%d of the %d streams in %s cannot be opened", before.streams-state.Streams, before.streams, dir)
		if before.encrypted {
			err = fmt.Errorf("%w; is the key in daemon { encryption { key } } the one they were written with?", err)
		}
		return err
	}
	return nil
}

func errIfNone(log *serverLog) error {
	if log.fatal() == nil {
		return fmt.Errorf("not ready within %v", startLimit)
	}
	return nil
}

// Connect opens a connection inside the process, which its caller closes
// before the server.
func (s *Server) Connect(ctx context.Context) (*nats.Conn, error) {
	return connect(ctx, "", s.logger, nats.InProcessServer(s.server))
}

// Close stops the server and waits until its files are closed.
func (s *Server) Close() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// contents is what lies in a store directory.
type contents struct {
	streams   int
	encrypted bool
}

// lookAt reads the layout of the server's file store:
// jetstream/ACCOUNT/streams/NAME/meta.inf, with a meta.key beside it where the
// stream is encrypted.
func lookAt(dir string) (contents, error) {
	var c contents
	metas, err := filepath.Glob(filepath.Join(escapeGlob(dir), "jetstream", "*", "streams", "*", "meta.inf"))
	if err != nil {
		return c, err
	}
	c.streams = len(metas)
	for _, meta := range metas {
		_, err := os.Stat(strings.TrimSuffix(meta, "inf") + "key")
		if err == nil {
			c.encrypted = true
		} else if !errors.Is(err, os.ErrNotExist) {
			return c, err
		}
	}
	return c, nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// serverLog writes the server's log lines to slog. None of them is news to an
// operator but warnings and errors.
type serverLog struct {
	logger *slog.Logger

	mu   sync.Mutex
	died error
}

func (l *serverLog) Noticef(format string, v ...any) { l.logger.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.logger.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.logger.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.logger.Warn(fmt.Sprintf(format, v...)) }
func (l *serverLog) Errorf(format string, v ...any)  { l.logger.Warn(fmt.Sprintf(format, v...)) }

// Fatalf is what the server calls when it gives up; ending the process is for
// its owner.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.died = fmt.Errorf(format, v...)
}

func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.died
}
