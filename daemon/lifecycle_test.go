package daemon

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStepsEndInReverseOrderAndAllOfThem(t *testing.T) {
	log, _ := newLog()
	running := &steps{log: log}
	var order []string
	for _, name := range []string{"lock", "server", "engine"} {
		running.started(name, func(context.Context) error {
			order = append(order, name)
			if name == "server" {
				return errors.New("it hung")
			}
			return nil
		})
	}
	err := running.end(t.Context())
	if want := []string{"engine", "server", "lock"}; !cmp.Equal(order, want) {
		t.Errorf("ended %v, want %v", order, want)
	}
	if want := "stop server: it hung"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	if err := running.end(t.Context()); err != nil || len(order) != 3 {
		t.Errorf("a second end did something: %v, %v", err, order)
	}
}
