package embed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// DialOptions say how to reach a cluster. Paths are of files.
type DialOptions struct {
	URL    string // one address or several, with commas between them
	Creds  string // user credentials (JWT and seed)
	CA     string // certificates to trust in place of the system's
	Cert   string // client certificate, with Key
	Key    string
	Logger *slog.Logger
}

// Dial connects to a cluster and keeps the connection up, however long the
// cluster is away. The first connection must come about at once or fail.
func Dial(ctx context.Context, opts DialOptions) (*nats.Conn, error) {
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if (opts.Cert == "") != (opts.Key == "") {
		return nil, errors.New("nats: cert and key go together")
	}
	var options []nats.Option
	if opts.Creds != "" {
		options = append(options, nats.UserCredentials(opts.Creds))
	}
	if opts.CA != "" {
		options = append(options, nats.RootCAs(opts.CA))
	}
	if opts.Cert != "" {
		options = append(options, nats.ClientCert(opts.Cert, opts.Key))
	}
	nc, err := connect(ctx, opts.URL, logger.With("component", "nats"), options...)
	if err != nil {
		return nil, fmt.Errorf("nats: %s: %w", bareURL(opts.URL), bareError(err, opts.URL))
	}
	return nc, nil
}

func connect(ctx context.Context, address string, logger *slog.Logger, options ...nats.Option) (*nats.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	log := &connectionLog{logger: logger}
	options = append([]nats.Option{
		nats.Name("lockstep"),
		nats.MaxReconnects(-1),
		// A log-in that is refused may be taken again: credentials are renewed,
		// a user is given back. Their files are read again at every dial.
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(time.Second),
		nats.Timeout(5 * time.Second),
		// What is sent while the cluster is away fails and is tried again by
		// those who know whether it still makes sense.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.trouble("connection lost", err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { log.trouble("not connected", err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.trouble("asynchronous error", err) }),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.over()
			logger.Info("connected again", "server", nc.ConnectedServerName())
		}),
	}, options...)
	type result struct {
		nc  *nats.Conn
		err error
	}
	connected := make(chan result, 1)
	go func() {
		nc, err := nats.Connect(address, options...)
		connected <- result{nc, err}
	}()
	select {
	case r := <-connected:
		return r.nc, r.err
	case <-ctx.Done():
		go func() { // the client takes no context; it ends by its own time-out
			if r := <-connected; r.nc != nil {
				r.nc.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// connectionLog says once what is said again at every attempt to connect.
type connectionLog struct {
	logger *slog.Logger

	mu   sync.Mutex
	last string
}

func (l *connectionLog) trouble(what string, err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	again := l.last == err.Error()
	l.last = err.Error()
	l.mu.Unlock()
	if again {
		l.logger.Debug(what, "error", err)
		return
	}
	l.logger.Warn(what, "error", err)
}

func (l *connectionLog) over() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = ""
}

// bareURL returns the address without the user, the password or the token in it.
func bareURL(addresses string) string {
	var bare []string
	for address := range strings.SplitSeq(addresses, ",") {
		address = strings.TrimSpace(address)
		scheme, rest, found := strings.Cut(address, "://")
		if !found {
			scheme, rest = "nats", address
		}
		if i := strings.LastIndex(rest, "@"); i >= 0 {
			rest = rest[i+1:]
		}
		bare = append(bare, scheme+"://"+rest)
	}
	return strings.Join(bare, ",")
}

// bareError takes the address off errors of url.Parse, which quote it whole.
func bareError(err error, address string) error {
	if _, ok := errors.AsType[*url.Error](err); ok {
		return errors.New("not a valid address")
	}
	if user, _, found := strings.Cut(address, "@"); found && strings.Contains(err.Error(), user) {
		return errors.New("cannot connect")
	}
	return err
}
