package connectors

import (
	"context"
	"sync"
)

type waitingKey struct{}

// WithWaiting returns a context under which begin is called wherever something
// begins to wait, and the function that it returns when that is over.
func WithWaiting(ctx context.Context, begin func() (end func())) context.Context {
	return context.WithValue(ctx, waitingKey{}, begin)
}

// Waiting says that from now on, until end is called, its caller waits: for the
// answer of a system, for its turn, or for somebody who does. All other time of
// a call counts as computing, of which a record may cause so much and no more
// (ErrTooCostly). end may be called more than once.
func Waiting(ctx context.Context) (end func()) {
	begin, ok := ctx.Value(waitingKey{}).(func() func())
	if !ok {
		return func() {}
	}
	return sync.OnceFunc(begin())
}
