package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAProcessThatDoesNotStopEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var exited atomic.Pointer[time.Time]
		ctx, cancel := context.WithCancel(t.Context())
		stop := exitAfter(ctx, stopLimit, func() { now := time.Now(); exited.Store(&now) })
		time.Sleep(time.Hour)
		if exited.Load() != nil {
			t.Fatal("it ended without being asked to")
		}
		cancel()
		asked := time.Now()
		time.Sleep(time.Minute)
		if at := exited.Load(); at == nil || at.Sub(asked) > 30*time.Second {
			t.Errorf("it ended at %v, asked at %v", at, asked)
		}
		stop()
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		stop := exitAfter(ctx, stopLimit, func() { t.Error("it ended although it had stopped") })
		cancel()
		time.Sleep(stopLimit - time.Second)
		stop()
		stop()
		time.Sleep(time.Minute)
	})
}
