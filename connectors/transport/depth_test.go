package transport

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestDeepAnswer: an answer that nests too deep to be read is not asked for
// again, and says that it is too costly; what became of a write must be
// settled.
func TestDeepAnswer(t *testing.T) {
	const deep = 20_000
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t, answer(200, strings.Repeat("[", deep)+strings.Repeat("]", deep)))
		var into any
		r := read
		r.Into = &into
		e := failed(t, s.client(t, nil), r)
		if e.Class != connectors.ClassRejected || e.Code != connectors.CodeTooCostly || !errors.Is(e, connectors.ErrTooCostly) {
			t.Errorf("read: %s, code %q: %v", e.Class, e.Code, e)
		}
		s.count(t, 1)
		w := write
		w.Into = &into
		if e := failed(t, s.client(t, nil), w); e.Class != connectors.ClassUnclear || errors.Is(e, connectors.ErrTooCostly) {
			t.Errorf("write: %s: %v", e.Class, e)
		}
	})
}
