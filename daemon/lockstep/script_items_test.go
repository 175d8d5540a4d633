package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// cmdSay posts an update to an incident, as a responder.
func (p *play) cmdSay(args []string) {
	_, err := p.incidents.PostUpdate(p.id(args[0]), args[1])
	p.ts.Check(err)
}

// cmdNote adds a work note to an incident's ticket, or with -customer a comment
// that the customer sees.
func (p *play) cmdNote(args []string) {
	flags, args := flagsOf(args)
	t, ok := p.ticketOf(args[0])
	if !ok {
		p.ts.Fatalf("%s has no ticket", args[0])
	}
	add := p.itsm.AddWorkNote
	if _, customer := flags["customer"]; customer {
		add = p.itsm.AddComment
	}
	p.ts.Check(add("incident", t["sys_id"], "beth.anglin", args[1]))
}

// cmdAttach hangs a file on an incident's ticket.
func (p *play) cmdAttach(args []string) {
	t, ok := p.ticketOf(args[0])
	if !ok {
		p.ts.Fatalf("%s has no ticket", args[0])
	}
	content, err := os.ReadFile(p.ts.MkAbs(args[1]))
	p.ts.Check(err)
	if strings.HasSuffix(args[1], ".png.txt") { // a script holds no bytes beyond text
		content = append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), content...)
	}
	name := strings.TrimSuffix(args[1], ".txt")
	_, err = p.itsm.Attach("incident", t["sys_id"], "beth.anglin", name, args[2], content)
	p.ts.Check(err)
}

// journal returns the entries of an incident's ticket: "work_notes WHO: TEXT".
func (p *play) journal(name string) []string {
	t, ok := p.ticketOf(name)
	if !ok {
		return nil
	}
	var all []string
	for _, e := range p.itsm.Journal("incident", t["sys_id"]) {
		all = append(all, e.Element+" "+e.By+": "+e.Value)
	}
	return all
}

// timeline returns an incident's timeline items and updates.
func (p *play) timeline(name string) []string {
	var all []string
	for _, i := range p.incidents.TimelineItems(p.id(name)) {
		all = append(all, "timeline "+i.Title+": "+i.Description)
	}
	for _, u := range p.incidents.Updates(p.id(name)) {
		all = append(all, "update "+u.Message)
	}
	return all
}

// shown returns the links that an incident shows: "TITLE URL".
func (p *play) shown(name string) []string {
	var all []string
	for _, a := range p.incidents.Attachments(p.id(name)) {
		all = append(all, a.Resource.Title+" "+a.Resource.Permalink)
	}
	return all
}

// prints makes a command that prints a list, and untilHolds one that waits until
// N of its lines hold a text.
func prints(list func(p *play, name string) []string) func(*play, []string) {
	return func(p *play, args []string) {
		for _, line := range list(p, args[0]) {
			fmt.Fprintln(p.ts.Stdout(), line)
		}
	}
}

func untilHolds(list func(p *play, name string) []string) func(*play, []string) {
	return func(p *play, args []string) {
		want, err := strconv.Atoi(args[1])
		p.ts.Check(err)
		text := strings.Join(args[2:], " ")
		count := func() (n int) {
			for _, line := range list(p, args[0]) {
				if strings.Contains(line, text) {
					n++
				}
			}
			return n
		}
		p.until(fmt.Sprintf("%s: %q %d times", args[0], text, want), func() bool { return count() >= want })
		p.cmdQuiet(nil)
		if n := count(); n != want {
			p.ts.Fatalf("%q is there %d times, want %d:\n%s", text, n, want, strings.Join(list(p, args[0]), "\n"))
		}
	}
}

// cmdDelete removes an incident.
func (p *play) cmdDelete(args []string) { p.incidents.DeleteIncident(p.id(args[0])) }

// cmdUntilSkipped waits until the journal of an incident names so many files
// that were not carried.
func (p *play) cmdUntilSkipped(args []string) {
	want, err := strconv.Atoi(args[1])
	p.ts.Check(err)
	p.until(args[1]+" files are skipped", func() bool { return strings.Count(p.decisions(args[0]), `"what":"file_`) == want })
}

// cmdUntilStatusOf waits for the category of an incident's status.
func (p *play) cmdUntilStatusOf(args []string) {
	p.until(args[0]+" is in "+args[1], func() bool {
		i, ok := p.incidents.Incident(p.id(args[0]))
		return ok && i.IncidentStatus.Category == args[1]
	})
}
