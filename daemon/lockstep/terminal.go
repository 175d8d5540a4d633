package main

import (
	"io"
	"os"

	"github.com/lockstep-sync/lockstep/rules/visible"
)

// color reports whether to write colours to w: on a terminal that shows them,
// and never with NO_COLOR (no-color.org).
func (a *app) color(w io.Writer) bool {
	if v, _ := a.env("NO_COLOR"); v != "" {
		return false
	}
	if term, _ := a.env("TERM"); term == "dumb" {
		return false
	}
	if shown, ok := w.(*visible.Writer); ok {
		w = shown.To()
	}
	f, ok := w.(*os.File)
	return ok && isTerminal(f)
}
