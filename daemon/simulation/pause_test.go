package simulation

import (
	"slices"
	"time"
)

// A pause is the time in which a route was certainly paused: from when a daemon said
// so until somebody asked one to resume it.
type pause struct {
	route    string
	from, to time.Time // to: zero while it lasts
}

// pauseOrResume has somebody pause a route, or resume it, at any of the daemons.
func (w *world) pauseOrResume() error {
	alive := slices.DeleteFunc(slices.Clone(w.daemons), func(d *daemon) bool { return d.dead.Load() })
	if len(alive) == 0 {
		return errNothing
	}
	route, d := pick(w, []string{"incidents", "incidents", "follow_ups"}), pick(w, alive)
	if w.paused[route] {
		w.say("%s is resumed at %s", route, d)
		w.endPause(route)
		if _, err := d.engine.ResumeRoute(w.ctx, route); err == nil {
			w.paused[route] = false
		} else if !d.dead.Load() {
			w.must(err)
		}
		return nil
	}
	w.say("%s is paused at %s", route, d)
	w.paused[route] = true // maybe, if the daemon dies of it
	if _, err := d.engine.PauseRoute(w.ctx, route, "lisa"); err == nil {
		w.pauses = append(w.pauses, pause{route: route, from: time.Now()})
	} else if !d.dead.Load() {
		w.must(err)
	}
	return nil
}

func (w *world) endPause(route string) {
	for i := range w.pauses {
		if w.pauses[i].route == route && w.pauses[i].to.IsZero() {
			w.pauses[i].to = time.Now()
		}
	}
}

// resumeAll lets every route go on, at the daemon that is left.
func (w *world) resumeAll() {
	for _, route := range []string{"incidents", "follow_ups"} {
		if w.paused[route] {
			w.say("%s is resumed", route)
			w.endPause(route)
			_, err := w.daemons[0].engine.ResumeRoute(w.ctx, route)
			w.must(err)
			w.paused[route] = false
		}
	}
}

// pausesWroteNothing asserts that no request began on a route while it was paused, in
// whichever daemon.
func (w *world) pausesWroteNothing() {
	w.mu.Lock()
	sent := slices.Clone(w.requests)
	w.mu.Unlock()
	for _, p := range w.pauses {
		for _, made := range sent {
			if !made.began.After(p.from) || !p.to.IsZero() && !made.began.Before(p.to) {
				continue
			}
			for _, r := range w.records {
				if r.route() == p.route && (w.concerns(r, source, made.record, made.body) || w.concerns(r, target, made.record, made.body)) {
					w.fail("%s was paused from %s to %s, and %s began %s %s for %s at %s", p.route, clock(p.from), clock(p.to), made.daemon, made.method, made.path, r, clock(made.began))
				}
			}
		}
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }
