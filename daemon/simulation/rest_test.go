package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// Convergence: where nothing stopped lockstep from it, both sides say the same.
func (w *world) sidesAgree() {
	letters, err := w.daemons[0].engine.Dead(w.ctx)
	w.must(err)
	for _, r := range w.records {
		// Of the two values of a conflict, the later one wins only if its time is known.
		if w.reloaded || len(r.turns) > 0 || r.deleted || w.ticket(r) == "" {
			continue
		}
		for _, field := range r.pairs() {
			if one, two := w.value(r, source, field), w.value(r, target, field); word(one) != word(two) && one != "" && two != "" { // null writes nothing
				w.fail("%s: %s is %q here and %q there", r, field, one, two)
			}
		}
		from, to := w.states(r)
		ended := from == "closed" || from == "declined" || from == "learning" || to == "7" || to == "8"
		refused := slices.ContainsFunc(letters, func(d deadletter.Letter) bool {
			return d.Record == r.ref() && (d.Field == "state" || strings.HasSuffix(d.Field, "status") || strings.HasSuffix(d.Field, "status.name"))
		})
		if w.classes[from] != w.classes[to] && !ended && !refused {
			w.fail("%s: its state is %s, the ticket's %s", r, from, to)
		}
	}
}

func (w *world) states(r *record) (from, to string) {
	_, from = w.version("acme", r.id)
	_, to = w.version("itsm", w.ticket(r))
	return from, to
}

func (r *record) pairs() []string {
	if r.followUp {
		return []string{"title"}
	}
	return []string{"title", "cause"}
}

func word(value string) string {
	first, _, _ := strings.Cut(value, " ")
	return first
}

// Invariant 3.
func (w *world) atRest(when string) {
	before := w.countWrites()
	w.hintAll()
	if n := w.countWrites() - before; n > 0 {
		w.fail("invariant 3: %s %d writes were sent", when, n)
	}
}

func (w *world) sweepFindsNothing() {
	before, drift := w.countWrites(), w.drift.Load()
	w.pass(7 * time.Hour)
	if n := w.countWrites() - before; n > 0 || w.drift.Load() != drift {
		w.fail("invariant 3: the sweep sent %d writes and found drift %d times", n, w.drift.Load()-drift)
	}
}

// Invariant 7.
func (w *world) reloadsChangeNothing() {
	before := w.snapshot()
	for reload := range reloads() {
		w.reload = (reload + 1) % len(reloads())
		w.must(w.apply(w.daemons[0]))
		w.hintAll()
		after := w.snapshot()
		for what, value := range after {
			// What nobody filled may be filled.
			if before[what] != value && before[what] != "" {
				w.fail("invariant 7: reload %d alone made %q of %q in %s", w.reload, value, before[what], what)
			}
		}
		before = after
	}
	w.atRest("after reloads")
}

// snapshot is all that people fill in.
func (w *world) snapshot() map[string]string {
	all := map[string]string{}
	for _, r := range w.records {
		for _, s := range []side{source, target} {
			for _, field := range []string{"title", "details", "cause", "impact"} {
				all[fmt.Sprintf("%s of the %s of %s", field, s, r)] = w.value(r, s, field)
			}
		}
		from, to := w.states(r)
		all["states of "+r.String()] = from + " and " + to
	}
	return all
}

// Invariants 4 and 9: from rest, each edit reaches the other side, with one
// write, and stands as it was typed.
func (w *world) editsArrive() {
	r := w.pickRecord(func(r *record) bool {
		l, _ := w.link(r)
		return !r.private && l.Phase == links.Active
	})
	if r == nil {
		return
	}
	for _, s := range []side{source, target, source} {
		before := w.countWrites()
		field := pick(w, r.pairs())
		token, value := w.words()
		w.must(w.typeInto(r, s, field, token, value))
		value = w.value(r, s, field) // as its system took it
		id := r.ref()
		if s == target {
			l, _ := w.link(r)
			id = *l.Target
		}
		w.must(w.daemons[0].engine.Hint(w.ctx, []ref{id}, ""))
		w.pass(20 * time.Second)
		if here := w.value(r, s, field); here != value {
			w.fail("invariant 9: %s: %q was typed as %s of the %s, and stands there as %q", r, value, field, s, here)
		}
		if there := w.value(r, other(s), field); !strings.Contains(there, token) {
			w.fail("invariant 4: %s: %q was typed as %s of the %s, and the other side holds %q", r, value, field, s, there)
		}
		if n := w.countWrites() - before; n != 1 {
			w.fail("%s: an edit of %s of the %s took %d writes", r, field, s, n)
		}
	}
	w.atRest("after edits")
}
