package embed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/connectors"
)

const (
	startLimit = 30 * time.Second
	// reconnectWait is how long a connection inside the process waits before
	// it looks for a server again.
	reconnectWait = 100 * time.Millisecond
	maxPayload    = 8 << 20 // a journal entry may quote a long text
	// storeLimit is more than any disk, so that the disk is the limit. Left to
	// itself the server takes three quarters of what is free at the start, and
	// then refuses a stream whose bound is higher.
	storeLimit = 1 << 50
)

// Options of a Server.
type Options struct {
	Dir string // made if it is not there; the caller holds its Lock
	// Lock is what the caller holds. With it, a server that is started again on
	// files that were taken away and put back holds the lock of what is there.
	Lock *DirLock
	// EncryptionKey, if not empty, encrypts the files. Files that are not
	// encrypted yet are encrypted as they are rewritten.
	EncryptionKey connectors.Secret
	Logger        *slog.Logger
}

// A Server is a NATS server that only this process reaches. One that gave up
// on its files is restarted by Check; connections find it by themselves.
type Server struct {
	opts   Options
	logger *slog.Logger
	// running is nil between the end of one and the start of the next.
	running atomic.Pointer[server.Server]
	trouble chan struct{}
	healthz func(*server.Server) *server.HealthStatus

	mu       sync.Mutex // held by Check and Close
	closed   bool
	streams  names     // those whose files were seen in the directory
	restarts int       // in a row, none of which lasted
	restart  time.Time // of the newest
}

// Start runs a server on the directory until Close. Everything that a stream
// has acknowledged is on the disk.
func Start(opts Options) (*Server, error) {
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: opts, logger: logger.With("component", "nats"), trouble: make(chan struct{}, 1), healthz: healthz, streams: names{}}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.launch(); err != nil {
		return nil, err
	}
	return s, nil
}

// launch starts a server on what lies in the directory.
func (s *Server) launch() error {
	before, err := lookAt(s.opts.Dir)
	if err != nil {
		return err
	}
	if before.encrypted && s.opts.EncryptionKey == "" {
		return fmt.Errorf("%s is encrypted; set the key in daemon { encryption { key } }", s.opts.Dir)
	}
	config := &server.Options{
		ServerName:        "lockstep",
		DontListen:        true,
		NoSigs:            true,
		JetStream:         true,
		StoreDir:          s.opts.Dir,
		SyncAlways:        true,
		MaxPayload:        maxPayload,
		JetStreamMaxStore: storeLimit,
	}
	if s.opts.EncryptionKey != "" {
		config.JetStreamKey = s.opts.EncryptionKey.Reveal()
		config.JetStreamCipher = server.ChaCha
	}
	next, err := server.NewServer(config)
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	log := &serverLog{logger: s.logger, trouble: s.trouble}
	next.SetLoggerV2(log, false, false, false)
	next.Start()
	if err := ready(next, log, s.opts.Dir, before); err != nil {
		end(next)
		return err
	}
	maps.Copy(s.streams, before.streams)
	s.running.Store(next)
	return nil
}

// ready checks that the server runs and has opened everything that lay in the
// directory: one that cannot read a stream starts without it.
func ready(s *server.Server, log *serverLog, dir string, before contents) error {
	if !s.ReadyForConnections(startLimit) || log.fatal() != nil {
		return fmt.Errorf("embedded NATS server on %s does not start: %w", dir, errors.Join(log.fatal(), errIfNone(log)))
	}
	state, err := s.Jsz(nil)
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	if expected := len(before.streams); state.Streams < expected {
		err := fmt.Errorf("%d of the %d streams in %s cannot be opened", expected-state.Streams, expected, dir)
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
	return connect(ctx, "", s.logger, nats.InProcessServer(s), nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(0, 0))
}

// InProcessConn connects to whichever server runs.
func (s *Server) InProcessConn() (net.Conn, error) {
	running := s.running.Load()
	if running == nil {
		return nil, errors.New("the embedded NATS server is being started")
	}
	return running.InProcessConn()
}

// Close stops the server and waits until its files are closed.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	end(s.running.Swap(nil))
}

func end(s *server.Server) {
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// serverLog writes the server's log lines to slog. None of them is news to an
// operator but warnings and errors.
type serverLog struct {
	logger  *slog.Logger
	trouble chan<- struct{} // is told of warnings and errors; full: it was told already

	mu   sync.Mutex
	died error
}

func (l *serverLog) Noticef(format string, v ...any) { l.logger.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.logger.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.logger.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Errorf(format string, v ...any)  { l.Warnf(format, v...) }

func (l *serverLog) Warnf(format string, v ...any) {
	l.logger.Warn(fmt.Sprintf(format, v...))
	select {
	case l.trouble <- struct{}{}:
	default:
	}
}

// Fatalf is called by the server when it gives up; ending the process is for
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
