package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

const (
	tableWidth = 100 // columns of a terminal that a table fits
	columnGap  = 2
	// narrowest is how far a column is narrowed, in characters, and narrowestID the
	// first one: an id has fewer, and is never cut.
	narrowest   = 8
	narrowestID = 21
)

// table writes rows in columns, the first being the heads. It is at most tableWidth
// wide: the widest columns are cut, records in the middle, texts at their end.
// -json has all of it.
func table(w io.Writer, rows func(row func(cells ...any))) error {
	var all [][]string
	rows(func(cells ...any) { all = append(all, shownCells(cells)) })
	var widths []int
	for _, row := range all {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	narrow(widths)
	var b strings.Builder
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			cell = cutTo(cell, widths[i])
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+columnGap))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// narrow takes from the widest column until all of them fit.
func narrow(widths []int) {
	over := -columnGap - tableWidth
	for _, width := range widths {
		over += width + columnGap
	}
	for ; over > 0; over-- {
		widest := -1
		for i, width := range widths {
			least := narrowest
			if i == 0 {
				least = narrowestID
			}
			if width > least && (widest < 0 || width >= widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// cutTo shortens a cell. Of a record its beginning and its end tell most.
func cutTo(cell string, most int) string {
	runes := []rune(cell)
	if len(runes) <= most {
		return cell
	}
	if _, err := connectors.ParseRef(cell); err != nil {
		return string(runes[:most-1]) + "…"
	}
	begin := (most - 1) / 2
	return string(runes[:begin]) + "…" + string(runes[len(runes)-(most-1-begin):])
}

// details writes names and values in two columns, however long a value is.
func details(w io.Writer, rows func(row func(cells ...any))) error {
	t := tabwriter.NewWriter(w, 0, 8, columnGap, ' ', 0)
	rows(func(cells ...any) { fmt.Fprintln(t, strings.Join(shownCells(cells), "\t")) })
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// shownCells are cells as a terminal may show them, before columns are made as wide as
// they are.
func shownCells(cells []any) []string {
	shown := make([]string, len(cells))
	for i, cell := range cells {
		shown[i] = visible.Line(fmt.Sprint(cell))
	}
	return shown
}

// calledOr is what people call a record, or where that is not known its ref; "-" where
// there is no record.
func calledOr(name string, ref connectors.Ref) string {
	switch {
	case name != "":
		return name
	case ref.IsZero():
		return "-"
	}
	return ref.String()
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// ago is how long ago something was, as roughly as suffices.
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "-"
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
