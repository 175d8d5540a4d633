package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// outcomeText says what became of a record, in one line.
func outcomeText(o engine.Outcome) string {
	ticket := "its ticket"
	if o.Link != nil && o.Link.Target != nil {
		ticket = ticketOf(*o.Link)
	}
	wrote := ""
	if len(o.Wrote) > 0 {
		wrote = "wrote " + wroteText(o.Wrote)
		if o.Opened {
			wrote = "opened " + ticket + " with " + wroteText(o.Wrote)
		}
	}
	reason := oneLine(o.Reason)
	switch o.Result {
	case engine.Written:
		if o.Opened {
			return wrote
		}
		return fmt.Sprintf("%s (%s)", wrote, ticket)
	case engine.InStep:
		return "in step with " + ticket
	case engine.Waits:
		text := "waits"
		if o.Until != nil {
			text += " until " + when(*o.Until)
		}
		return joined(wrote, text+": "+orDash(reason))
	case engine.Failed:
		return joined(wrote, "failed"+because(reason, o.Dead))
	}
	if o.Link != nil {
		return fmt.Sprintf("nothing written: %s; its link is %s", orElse(reason, "nothing to do"), o.Link.State)
	}
	return "no ticket: " + orElse(reason, "nothing to do")
}

// because gives the reason of a failure where no dead letter does.
func because(reason string, dead []engine.LetterView) string {
	if len(dead) > 0 || reason == "" {
		return ""
	}
	return ": " + reason
}

func joined(first, second string) string {
	if first == "" {
		return second
	}
	return first + "; " + second
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// transfers are what people call what is carried, one and several.
var transfers = map[string][2]string{
	links.CommentsInbound:  {"a comment of the ticket", "comments of the ticket"},
	links.CommentsOutbound: {"a comment of the record", "comments of the record"},
	links.FilesInbound:     {"a file of the ticket", "files of the ticket"},
	links.FilesOutbound:    {"a file of the record", "files of the record"},
	links.TicketLink:       {"the ticket's address", "the ticket's address"},
	links.SourceLink:       {"the record's address", "the record's address"},
}

// wroteText names what was written: fields once each, comments and files by how many.
func wroteText(wrote []string) string {
	counts := map[string]int{}
	var order []string
	for _, name := range wrote {
		if counts[name]++; counts[name] == 1 {
			order = append(order, name)
		}
	}
	for i, name := range order {
		words, carried := transfers[name]
		switch n := counts[name]; {
		case carried && n == 1:
			order[i] = words[0]
		case carried:
			order[i] = fmt.Sprintf("%d %s", n, words[1])
		}
	}
	return strings.Join(order, ", ")
}

// skippedLines are the lines of a decision that say why templates were not chosen.
func skippedLines(d rules.Decision) []string {
	var b strings.Builder
	d.WriteText(&b)
	return slices.DeleteFunc(strings.Split(b.String(), "\n"), func(line string) bool { return !strings.HasPrefix(line, "skipped ") })
}

// letterText says what a dead letter is about, in one line.
func letterText(d engine.LetterView) string {
	text := d.Reason
	if d.Field != "" {
		text += " " + d.Field
	}
	if message := brief(d.Message); message != "" {
		text += ": " + message
	}
	return text
}
