package daemon

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// A changingAdvisor says something else from time to time.
type changingAdvisor struct {
	fakeConnector
	mu sync.Mutex // guards fakeConnector
}

func (c *changingAdvisor) Advise(ctx context.Context, uses []connectors.Use) ([]connectors.Advice, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fakeConnector.Advise(ctx, uses)
}

func (c *changingAdvisor) say(fail error, words ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail, c.advice = fail, nil
	for _, one := range words {
		c.advice = append(c.advice, connectors.Advice{Message: one})
	}
}

// TestAdviceIsAskedForAgain: every hour, soon after a name that a system did not
// have, and after a minute where a system did not answer.
func TestAdviceIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		use := connectors.Use{Record: "incident", Field: "severity.name"}
		acme, itsm := &changingAdvisor{}, &changingAdvisor{}
		itsm.say(errors.New("away"))
		var now atomic.Value
		now.Store("")
		ctx, cancel := context.WithCancel(t.Context())
		renamed := make(chan struct{}, 1)
		a := adviser{
			log: quiet, set: &rules.Set{}, uses: map[string][]connectors.Use{"acme": {use}, "itsm": {use}},
			all: map[string]connectors.Connector{"acme": acme, "itsm": itsm},
			keep: func(all rules.Diagnostics) {
				var said []string
				for _, d := range all {
					said = append(said, d.Detail)
				}
				now.Store(strings.Join(said, ", "))
			},
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.run(ctx, renamed)
		}()
		after := func(d time.Duration, want string) {
			t.Helper()
			time.Sleep(d)
			if synctest.Wait(); now.Load() != want {
				t.Errorf("it says %q, want %q", now.Load(), want)
			}
		}
		after(time.Second, "")
		acme.say(nil, "no Major")
		after(2*time.Minute, "") // acme has answered, and is asked in an hour
		itsm.say(nil, "no close code")
		after(time.Minute, "no close code")
		after(time.Hour, "no Major, no close code")
		acme.say(nil)
		renamed <- struct{}{}
		after(2*time.Minute, "no close code")
		itsm.say(nil)
		after(30*time.Minute, "no close code")
		after(time.Hour, "")
		cancel()
		<-done
	})
}
