package ruletest

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// actions are what people do to a record.
var actions = []string{"set", "comment", "attach", "delete"}

func (p *play) cmdTicket(c *call) error {
	target, args := "", c.args
	if len(args) > 0 && !slices.Contains(actions, args[0]) {
		target, args = args[0], args[1:]
	}
	ref, err := p.ticket(target)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		return p.do(ref, args[0], args[1:], c)
	}
	for _, line := range p.world.lines(ref, false) {
		c.printf("%s", line)
	}
	return nil
}

func (p *play) cmdSource(c *call) error {
	switch {
	case p.current.IsZero():
		return errNoCurrent
	case len(c.args) > 0 && c.args[0] != "set": // that is edit
		return p.do(p.current, c.args[0], c.args[1:], c)
	case len(c.args) > 0:
		return errUsage
	case !p.world.has(p.current):
		return fmt.Errorf("%s was deleted", p.current)
	}
	for _, line := range p.world.lines(p.current, true) {
		c.printf("%s", line)
	}
	return nil
}

// do works on a record as somebody does.
func (p *play) do(ref connectors.Ref, deed string, args []string, c *call) error {
	var err error
	switch {
	case deed == "set" && len(args) > 0:
		err = p.world.edit(ref, args, true)
	case deed == "comment" && len(args) == 2:
		err = p.world.comment(ref, args[0], args[1])
	case deed == "attach" && len(args) == 1:
		var content []byte
		if content, err = c.read(args[0]); err == nil {
			err = p.world.file(ref, filepath.Base(args[0]), content)
		}
	case deed == "delete" && len(args) == 0:
		err = p.world.delete(ref)
	default:
		return errUsage
	}
	if err != nil {
		return err
	}
	return p.settle()
}

// ticket returns the current record's ticket. target picks among several.
func (p *play) ticket(target string) (connectors.Ref, error) {
	if p.current.IsZero() {
		return connectors.Ref{}, errNoCurrent
	}
	all, err := p.tickets(p.current)
	if err == nil {
		err = p.isTarget(target, all)
	}
	if err != nil {
		return connectors.Ref{}, err
	}
	fitting := slices.DeleteFunc(slices.Clone(all), func(t foundTicket) bool { return !t.in(target) })
	names := func(tickets []foundTicket) string {
		var names []string
		for _, t := range tickets {
			names = append(names, t.ref.String())
		}
		return strings.Join(names, ", ")
	}
	switch {
	case len(fitting) == 1:
		return fitting[0].ref, nil
	case len(fitting) > 1:
		return connectors.Ref{}, fmt.Errorf("%s has %d tickets: %s; say which, as ticket %s.%s", p.current, len(fitting), names(fitting), fitting[0].ref.Connector, fitting[0].ref.Record)
	case len(all) > 0:
		return connectors.Ref{}, fmt.Errorf("%s has no ticket in %s; it has %s", p.current, target, names(all))
	}
	return connectors.Ref{}, fmt.Errorf("%s has no ticket%s", p.current, p.why(p.current))
}

// in reports whether a ticket is the one that is meant: by its connector, its
// record type, its route or its ref.
func (t foundTicket) in(target string) bool {
	return target == "" || slices.Contains(append(namesOf(t.ref.Collection), t.ref.String(), t.route), target)
}

// namesOf returns the ways in which a script names a place for tickets.
func namesOf(c connectors.Collection) []string {
	return []string{c.Connector, c.Connector + "." + c.Record, c.String(), c.Type}
}

// isTarget refuses what no ticket can ever be, which is a slip of the pen.
func (p *play) isTarget(target string, tickets []foundTicket) error {
	if target == "" || slices.ContainsFunc(tickets, func(t foundTicket) bool { return t.in(target) }) || p.set.Route(target) != nil {
		return nil
	}
	var known []string
	for _, name := range slices.Sorted(maps.Keys(p.set.Templates)) {
		to := p.set.Templates[name].Target
		if slices.Contains(namesOf(to), target) {
			return nil
		}
		if short := namesOf(to)[1]; to.Record != "" && !slices.Contains(known, short) {
			known = append(known, short)
		}
	}
	return fmt.Errorf("no template has its tickets in %q; there are %s", target, strings.Join(known, ", "))
}

func (p *play) cmdNoTicket(c *call) error {
	if len(c.args) > 1 {
		return errUsage
	}
	if p.current.IsZero() {
		return errNoCurrent
	}
	target := strings.Join(c.args, "")
	all, err := p.tickets(p.current)
	if err == nil {
		err = p.isTarget(target, all)
	}
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.in(target) {
			return fmt.Errorf("there is one: %s\n%s", t.ref, strings.Join(p.world.lines(t.ref, false), "\n"))
		}
	}
	return nil
}
