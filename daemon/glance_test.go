package daemon

import (
	"context"
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/rules"
)

// Status is answered while the configuration lies on a mount that hangs, with
// what was known before, and however often it is asked one look hangs.
func TestGlanceAtAFileSystemThatHangs(t *testing.T) {
	r, _, _ := newReloader(t)
	synctest.Test(t, func(t *testing.T) {
		look := func(wantStale bool, wantWarnings int) {
			t.Helper()
			began := time.Now()
			stale, warnings := r.glanced(t.Context())
			if stale != wantStale || len(warnings) != wantWarnings {
				t.Errorf("stale %v with %v; want %v and %d warnings", stale, warnings, wantStale, wantWarnings)
			}
			if took := time.Since(began); took > glanceTimeout {
				t.Errorf("it took %v", took)
			}
		}
		look(false, 0)
		hangs, looks := make(chan struct{}), 0
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, answered := r.glance.ask(ctx, func() bool { looks++; <-hangs; return true }); answered {
				t.Error("it is answered")
			}
		}
		look(false, 1)
		close(hangs)
		synctest.Wait()
		if !r.glance.said.Load() || looks != 1 {
			t.Errorf("the answer that came late is not kept, or it was asked %d times", looks)
		}
		look(false, 0)
	})
}

// A connection is made with the certificate that is known while its files lie
// on a mount that hangs.
func TestCertificatesOnAFileSystemThatHangs(t *testing.T) {
	ca := newTestCA(t)
	ca.install(ca.issue(100 * time.Hour))
	c, found := newCertificates(rules.TLS{Cert: rules.File{Path: ca.path("tls.pem")}, Key: rules.File{Path: ca.path("tls.key")}}, quiet)
	if c == nil {
		t.Fatal(found)
	}
	old := c.pair
	ca.install(ca.issue(100 * time.Hour))
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		c.read = func(files rules.TLS) (*tls.Certificate, *rules.Diagnostic) { <-hangs; return readPair(files) }
		began := time.Now()
		if c.current() != old {
			t.Error("the old certificate is not served")
		}
		if took := time.Since(began); took > glanceTimeout {
			t.Errorf("it took %v", took)
		}
		close(hangs)
		synctest.Wait()
		if c.current() == old {
			t.Error("the new certificate is not served")
		}
	})
}
