package main

import (
	"cmp"
	"fmt"
	"io"
)

func (p plan) writeText(w io.Writer) {
	for _, c := range p.Changes {
		fmt.Fprintf(w, "%s  %s\n", c.Route, cmp.Or(c.Name, c.Record))
		for _, l := range c.Lines {
			fmt.Fprintf(w, "  %s\n", l.text())
		}
		fmt.Fprintln(w)
	}
	p.writeTerms(w)
	if p.Nothing != "" {
		fmt.Fprintf(w, "nothing to decide by: %s\n", p.Nothing)
	}
	if p.Unreadable > 0 {
		fmt.Fprintf(w, "%s of the journal cannot be read: what stands there may change\n", count(p.Unreadable, "line"))
	}
	fmt.Fprintf(w, "%s: %d would change, %d would get a ticket, %d would get none\n", count(p.Records, "record"), len(p.Changes), p.Gain, p.Lose)
	if p.Unknown > 0 {
		fmt.Fprintf(w, "%s could not be decided again: the journal holds nothing to decide by (private, or of another version)\n", count(p.Unknown, "record"))
	}
}

// writeTerms writes what no decision shows.
func (p plan) writeTerms(w io.Writer) {
	route, template := "", ""
	for i, t := range p.Terms {
		if i == 0 || t.Route != route || t.Template != template {
			fmt.Fprintf(w, "%s  template %s\n", t.Route, t.Template)
			route, template = t.Route, t.Template
		}
		fmt.Fprintf(w, "  %s  (%s)\n", planLine{t.What, t.Was, t.Now}.text(), count(t.Links, "link"))
	}
	if len(p.Terms) > 0 {
		fmt.Fprintln(w)
	}
	if p.Uncompared > 0 {
		fmt.Fprintf(w, "%s were not compared in once, inbound, comments, attachments, lifecycle, conflict and the state table: "+
			"the journal of an older version does not tell what they had. Compared were the template, the action, the state and the fields.\n", count(p.Uncompared, "link"))
	}
}

func (l planLine) text() string {
	switch {
	case l.Was == "":
		return fmt.Sprintf("+ %s  %s", l.What, l.Now)
	case l.Now == "":
		return fmt.Sprintf("- %s  %s", l.What, l.Was)
	}
	return fmt.Sprintf("~ %s  %s -> %s", l.What, l.Was, l.Now)
}
