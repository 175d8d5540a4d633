package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"

	"github.com/nats-io/nats.go"
	natsjetstream "github.com/nats-io/nats.go/jetstream"

	"github.com/lockstep-sync/lockstep/engine/jetstream"
)

// noPeers is the answer of a cluster too few of whose servers have joined yet.
const noPeers natsjetstream.ErrorCode = 10005

// passes tells an outage of the store, which passes, from a mistake, which does
// not.
func passes(err error) bool {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO} {
		if errors.Is(err, full) {
			return true
		}
	}
	if mistaken(err) {
		return false
	}
	if errors.Is(err, natsjetstream.ErrConsumerNotFound) {
		return true // a reader's place, which went with the server's memory
	}
	if api, ok := errors.AsType[*natsjetstream.APIError](err); ok {
		return api.Code >= http.StatusInternalServerError || api.ErrorCode == noPeers
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	for _, passing := range []error{
		nats.ErrNoServers, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrStaleConnection,
		nats.ErrMaxConnectionsExceeded, nats.ErrMaxAccountConnectionsExceeded, nats.ErrReconnectBufExceeded,
		nats.ErrDisconnected, natsjetstream.ErrServerShutdown, natsjetstream.ErrConsumerDeleted,
		natsjetstream.ErrNoStreamResponse, jetstream.ErrNoAnswer, jetstream.ErrDisconnected,
		io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}

// mistaken reports whether somebody has to change something: a file, an
// account, a permission. Some of these look like an outage too, for they came
// over the network or from the operating system.
func mistaken(err error) bool {
	for _, mistake := range []error{
		fs.ErrNotExist, fs.ErrPermission,
		nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrPermissionViolation,
		nats.ErrSecureConnRequired, nats.ErrSecureConnWanted,
		natsjetstream.ErrJetStreamNotEnabled, natsjetstream.ErrJetStreamNotEnabledForAccount,
	} {
		if errors.Is(err, mistake) {
			return true
		}
	}
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var path *fs.PathError
	if errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &path) {
		return true
	}
	// An alert: the other side does not take our certificate, or we not its.
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error")
}
