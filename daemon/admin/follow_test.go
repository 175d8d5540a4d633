package admin

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/lockstep-sync/lockstep/engine"
)

// Decisions are followed until the client leaves, the daemon stops, or it fails, which
// each have an end of their own.
func TestFollowDecisions(t *testing.T) {
	for name, c := range map[string]struct {
		ends func(e *fakeEngine, stop, leave func())
		want func(error) bool
	}{
		"the client leaves": {func(_ *fakeEngine, _, leave func()) { leave() }, func(err error) bool { return err == nil }},
		"the daemon stops":  {func(_ *fakeEngine, stop, _ func()) { stop() }, func(err error) bool { return errors.Is(err, ErrStopped) }},
	} {
		t.Run(name, func(t *testing.T) {
			e := &fakeEngine{}
			a, _ := newAdmin(e)
			ending := make(chan struct{})
			a.Ending = ending
			server := httptest.NewServer(a.Handler())
			defer server.Close()
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			client := NewClient(server.Listener.Addr().String(), "")
			var seen []string
			err := client.FollowDecisions(ctx, fakeRef.String(), "", 10, func(d engine.DecisionView, _ []byte) error {
				if seen = append(seen, d.Action); len(seen) == 2 {
					c.ends(e, func() { close(ending) }, leave)
				}
				return nil
			})
			if len(seen) != 2 || seen[0] != "create" || !c.want(err) {
				t.Errorf("saw %q, %v", seen, err)
			}
		})
	}
	a, _ := newAdmin(&fakeEngine{fail: errors.New("the store is away")})
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	client := NewClient(server.Listener.Addr().String(), "")
	take := func(engine.DecisionView, []byte) error { return nil }
	var unreachable *UnreachableError
	if err := client.FollowDecisions(t.Context(), "", "", 1, take); !errors.As(err, &unreachable) {
		t.Errorf("what broke off: %v", err)
	}
	var refused *AnswerError
	if err := client.FollowDecisions(t.Context(), "INC-99", "", 1, take); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("a name that nobody knows: %v", err)
	}
	enough := errors.New("enough")
	if err := client.FollowDecisions(t.Context(), "", "", 1, func(engine.DecisionView, []byte) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("enough: %v", err)
	}
}
