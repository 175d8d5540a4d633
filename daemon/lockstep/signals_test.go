package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAProcessThatDoesNotStopEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exited := time.Time{}
		ctx, cancel := context.WithCancel(t.Context())
		stop := exitAfter(ctx, stopLimit, func() { exited = time.Now() })
		time.Sleep(time.Hour)
		if !exited.IsZero() {
			t.Fatal("it ended without being asked to")
		}
		cancel()
		asked := time.Now()
		time.Sleep(time.Minute)
		if took := exited.Sub(asked); exited.IsZero() || took > 30*time.Second {
			t.Errorf("it ended after %v", took)
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
