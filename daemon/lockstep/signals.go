package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// stopSignals returns a context that the first SIGINT or SIGTERM ends, and a
// channel that the second closes. release gives the signals back.
func stopSignals(parent context.Context) (ctx context.Context, abort <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancel(parent)
	received := make(chan os.Signal, 2)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	second, released := make(chan struct{}), make(chan struct{})
	go func() {
		select {
		case <-received:
			cancel()
		case <-released:
			return
		}
		select {
		case <-received:
			close(second)
		case <-released:
		}
	}()
	return ctx, second, sync.OnceFunc(func() {
		signal.Stop(received)
		close(released)
		cancel()
	})
}

// stopLimit is when a process ends that was asked to stop, whatever it hangs in:
// the daemon itself is done before, unless it hangs while it starts.
const stopLimit = 29 * time.Second

// exitAfter calls exit so long after ctx has ended, unless stop is called before.
func exitAfter(ctx context.Context, limit time.Duration, exit func()) (stop func()) {
	over := make(chan struct{})
	unasked := context.AfterFunc(ctx, func() {
		select {
		case <-over:
		case <-time.After(limit):
			exit()
		}
	})
	return sync.OnceFunc(func() {
		unasked()
		close(over)
	})
}

// reloadSignal returns a channel that receives with every SIGHUP. Those that
// come while one waits are that one.
func reloadSignal() (reload <-chan struct{}, release func()) {
	received, out, released := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(received, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-received:
			case <-released:
				return
			}
			select {
			case out <- struct{}{}:
			case <-released:
				return
			}
		}
	}()
	return out, func() {
		signal.Stop(received)
		close(released)
	}
}
