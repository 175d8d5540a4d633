package connectors

import (
	"context"
	"time"
)

type sendBeforeKey struct{}

// WithSendBefore returns a context under which no request is begun at t or
// later, by the monotonic or the wall clock: a request that waited too long for
// the rate budget, or on a machine that slept, is not sent. One that is under
// way goes on.
func WithSendBefore(ctx context.Context, t time.Time) context.Context {
	return context.WithValue(ctx, sendBeforeKey{}, t)
}

// MayStillSend reports whether a request may be begun under ctx now.
func MayStillSend(ctx context.Context, now time.Time) bool {
	t, limited := ctx.Value(sendBeforeKey{}).(time.Time)
	return !limited || now.Before(t) && now.Round(0).Before(t.Round(0))
}
