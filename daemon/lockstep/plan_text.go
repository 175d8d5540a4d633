package main

import (
	"fmt"
	"io"
)

func (p plan) writeText(w io.Writer) {
	for _, c := range p.Changes {
		fmt.Fprintf(w, "%s  %s\n", c.Route, c.Record)
		for _, l := range c.Lines {
			switch {
			case l.Was == "":
				fmt.Fprintf(w, "  + %s  %s\n", l.What, l.Now)
			case l.Now == "":
				fmt.Fprintf(w, "  - %s  %s\n", l.What, l.Was)
			default:
				fmt.Fprintf(w, "  ~ %s  %s -> %s\n", l.What, l.Was, l.Now)
			}
		}
		fmt.Fprintln(w)
	}
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
