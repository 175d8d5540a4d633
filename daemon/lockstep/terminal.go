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
	_, ok := terminal(w)
	return ok
}

// usualWidth is that of a terminal that does not say how wide it is.
const usualWidth = 80

// width returns how many columns a terminal has; false: w is
// something else.
func width(w io.Writer) (columns int, ok bool) {
	f, ok := terminal(w)
	if !ok {
		return 0, false
	}
	if columns = columnsOf(f); columns <= 0 {
		columns = usualWidth
	}
	return columns, true
}

// terminal returns the terminal that w writes to; false: it writes to something
// else.
func terminal(w io.Writer) (*os.File, bool) {
	if shown, ok := w.(*visible.Writer); ok {
		w = shown.To()
	}
	f, ok := w.(*os.File)
	return f, ok && isTerminal(f)
}
