package connectors

import (
	"context"
	"errors"
	"time"
)

// A Lease is the right to begin writes.
type Lease interface {
	// Hold is called directly before a request is sent that changes something,
	// when all that it had to wait for is over. It may take time: it makes sure
	// of the right again, for the next seconds, where that is needed. After an
	// error nothing is sent; it is found in the chain of the error that the
	// connector returns.
	Hold(ctx context.Context) error
}

type leaseKey struct{}

// WithLease returns a context under which no write is begun that the lease does
// not allow. One that is under way goes on. Reads need no lease; under one they
// take their turn in the rate budget before those of others, as writes do.
func WithLease(ctx context.Context, lease Lease) context.Context {
	return context.WithValue(ctx, leaseKey{}, lease)
}

// HasLease reports whether there is a lease.
func HasLease(ctx context.Context) bool {
	_, ok := ctx.Value(leaseKey{}).(Lease)
	return ok
}

// HoldLease holds the lease that the context has; without one all may be begun.
func HoldLease(ctx context.Context) error {
	lease, ok := ctx.Value(leaseKey{}).(Lease)
	if !ok {
		return nil
	}
	return lease.Hold(ctx)
}

// WithSendBefore returns a context under which no write is begun at t or later,
// by the monotonic or the wall clock: one that waited too long for the rate
// budget, or on a machine that slept, is not sent.
func WithSendBefore(ctx context.Context, t time.Time) context.Context {
	return WithLease(ctx, sendBefore(t))
}

type sendBefore time.Time

func (b sendBefore) Hold(context.Context) error {
	now, t := time.Now(), time.Time(b)
	if now.Before(t) && now.Round(0).Before(t.Round(0)) {
		return nil
	}
	return errTooLate
}

var errTooLate = errors.New("it waited too long for its turn")
