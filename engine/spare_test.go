package engine_test

import (
	"strings"
	"testing"
	"time"
)

// TestOnceValuesTravelWithAStateThatAsksForThem: a value of once is written when
// the ticket is opened; where its field is empty when the ticket is closed, and
// the system asks for it there, it travels along.
func TestOnceValuesTravelWithAStateThatAsksForThem(t *testing.T) {
	for _, test := range []struct {
		name, asks, once string
		typed            any // by a person, before
		opened, want     any
	}{
		{name: "emptied by a person", asks: "detail", once: `detail = "Done"`, opened: "Done", want: "Done"},
		{name: "filled by a person", asks: "detail", once: `detail = "Done"`, typed: "Fixed by hand", opened: "Done", want: "Fixed by hand"},
		{name: "nobody asks", once: `detail = "Done"`, opened: "Done", want: nil},
		{name: "that only goes with a state", asks: "outcome", once: `outcome = "Done"`, opened: nil, want: "Done"},
	} {
		t.Run(test.name, func(t *testing.T) {
			simulate(t, func(r *rig) {
				field, _, _ := strings.Cut(test.once, " ")
				r.world.asks = test.asks
				ref, ticket := opened(r, replaced(t, bothWays, "once { state = 1 }", "once {\n    state = 1\n    "+test.once+"\n  }"))
				if got := r.world.field(ticket, field); got != test.opened {
					t.Errorf("it was opened with %v", got)
				}
				if letters := r.dead(); len(letters) != 0 {
					t.Errorf("dead letters: %+v", letters)
				}
				r.world.edit(ticket, field, test.typed)
				r.pass(2 * time.Minute)
				r.world.edit(ref, "status", "closed")
				r.pass(2 * time.Minute)
				if got, state := r.world.field(ticket, field), r.world.field(ticket, "state"); got != test.want || state != int64(6) {
					t.Errorf("%s is %v in %v, want %v", field, got, state, test.want)
				}
			})
		})
	}
}
