package ruletest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// A command is one of the language's own. It prints to out and, with an error,
// the script fails.
type command struct {
	usage string
	run   func(p *play, c *call) error
	// not is what the command does after "!"; nil: it cannot be negated.
	not func(p *play, c *call) error
}

// A call is one line of a script.
type call struct {
	args []string
	read func(name string) ([]byte, error) // a file of the script
	out  strings.Builder
}

func (c *call) printf(format string, args ...any) { fmt.Fprintf(&c.out, format+"\n", args...) }

// errUsage is for wrong arguments.
var errUsage = errors.New("usage")

func commands() map[string]command {
	return map[string]command{
		"route":   {usage: "route FILE", run: (*play).cmdRoute, not: fails((*play).cmdRoute)},
		"create":  {usage: "create [SOURCE] FILE", run: (*play).cmdCreate},
		"edit":    {usage: "edit FILE, or edit KEY=VALUE…", run: (*play).cmdEdit},
		"ticket":  {usage: "ticket [TARGET], or ticket [TARGET] set KEY=VALUE…, comment KIND TEXT, attach FILE, or delete", run: (*play).cmdTicket, not: (*play).cmdNoTicket},
		"source":  {usage: "source, or source comment KIND TEXT, attach FILE, or delete", run: (*play).cmdSource},
		"use":     {usage: "use ID", run: (*play).cmdUse},
		"restart": {usage: "restart", run: (*play).cmdRestart},
		"advance": {usage: "advance DURATION, as advance 90s, 12h or 30d", run: (*play).cmdAdvance},
		"writes":  {usage: "writes", run: (*play).cmdWrites, not: (*play).cmdNoWrites},
	}
}

// fails returns a command that has to fail.
func fails(run func(*play, *call) error) func(*play, *call) error {
	return func(p *play, c *call) error {
		err := run(p, c)
		switch {
		case errors.Is(err, errUsage):
			return err
		case err == nil:
			return errors.New("it did not fail")
		}
		return nil
	}
}

type playKey struct{}

// forScript makes a command one of testscript's.
func (cmd command) forScript(name string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		p := ts.Value(playKey{}).(*play)
		p.script = ts
		unseen := p.unseen
		p.commands++
		c := &call{args: args, read: func(name string) ([]byte, error) { return p.readFile(ts, name) }}
		run := cmd.run
		if neg {
			if run = cmd.not; run == nil {
				ts.Fatalf("%s cannot be negated", name)
			}
		}
		err := run(p, c)
		_, _ = ts.Stdout().Write([]byte(c.out.String())) // also nothing: what came before is no longer meant
		if logged := p.log.take(); logged != "" {
			ts.Logf("[engine]\n%s", logged)
		}
		dead, deadErr := p.newDead()
		for _, line := range dead {
			fmt.Fprintln(ts.Stderr(), line)
		}
		p.unseen = dead
		switch err = errors.Join(err, deadErr); {
		case errors.Is(err, errUsage):
			ts.Fatalf("usage: %s", cmd.usage)
		case err != nil:
			ts.Fatalf("%s: %v", name, err)
		case unseen != nil:
			ts.Fatalf("%s", unseenText(unseen))
		}
	}
}

// maxFile bounds a record or attachment of a script.
const maxFile = 16 << 20

// readFile reads a file of the script.
func (p *play) readFile(ts *testscript.TestScript, name string) ([]byte, error) {
	if err := p.within(ts, name, true); err != nil {
		return nil, err
	}
	content, err := source.Read(p.ctx, ts.MkAbs(name), maxFile)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s in the script", name)
	case errors.Is(err, source.ErrTooLarge):
		return nil, fmt.Errorf("%s is larger than a record can be", name)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return content, nil
}

// unseenText says what a script has to look at.
func unseenText(letters []string) string {
	return "the command before led to a dead letter, and the script does not look at it (stderr 'PATTERN'):\n" + strings.Join(letters, "\n")
}

func (p *play) cmdRoute(c *call) error {
	if len(c.args) != 1 {
		return errUsage
	}
	body, err := c.read(c.args[0])
	if err != nil {
		return err
	}
	sources, _ := p.sources()
	if err := p.slips(body, sources); err != nil {
		return fmt.Errorf("%s: %w", c.args[0], err)
	}
	decisions, refused := engine.Explain(p.set, p.set.Routes, body, p.parent)
	for i, d := range decisions {
		if i > 0 {
			c.printf("")
		}
		d.WriteText(&c.out)
	}
	return refused
}

func (p *play) cmdCreate(c *call) error {
	if len(c.args) < 1 || len(c.args) > 2 {
		return errUsage
	}
	name := c.args[len(c.args)-1]
	body, err := c.read(name)
	if err != nil {
		return err
	}
	sources, parents := p.sources()
	if len(c.args) == 2 {
		wanted, err := connectors.ParseCollection(c.args[0])
		if err != nil {
			return err
		}
		if !slices.Contains(slices.Concat(sources, parents), wanted) {
			return fmt.Errorf("no route has the source %s", wanted)
		}
		sources, parents = []connectors.Collection{wanted}, nil
	}
	found, err := p.decode(body, sources)
	if err != nil && len(parents) > 0 {
		if above, errAbove := p.decode(body, parents); errAbove == nil {
			found, err = above, nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(found) > 1 {
		var could []string
		for _, r := range found {
			could = append(could, r.Ref.Collection.String())
		}
		return fmt.Errorf("%s could be a record of %s: say which, as create %s %s", name, strings.Join(could, " and of "), could[0], name)
	}
	record := found[0]
	if p.world.has(record.Ref) {
		return fmt.Errorf("there is a record %s already: use edit", record.Ref)
	}
	p.put(record)
	p.current = record.Ref
	return p.settle()
}

// errNoCurrent is for commands about a record before there is one.
var errNoCurrent = errors.New("there is no record yet: create one first")

func (p *play) cmdEdit(c *call) error {
	switch {
	case len(c.args) == 0:
		return errUsage
	case p.current.IsZero():
		return errNoCurrent
	case !p.world.has(p.current):
		return fmt.Errorf("%s was deleted", p.current)
	case len(c.args) == 1 && !strings.Contains(c.args[0], "="):
		body, err := c.read(c.args[0])
		if err != nil {
			return err
		}
		found, err := p.decode(body, []connectors.Collection{p.current.Collection})
		if err != nil {
			return fmt.Errorf("%s: %w", c.args[0], err)
		}
		if found[0].Ref != p.current {
			return fmt.Errorf("%s is the record %s; the current one is %s", c.args[0], found[0].Ref.ID, p.current.ID)
		}
		p.world.replace(found[0])
	default:
		if err := p.world.edit(p.current, c.args, false); err != nil {
			return err
		}
	}
	return p.settle()
}

func (p *play) cmdUse(c *call) error {
	if len(c.args) != 1 {
		return errUsage
	}
	sources, parents := p.sources()
	var known []string
	var found []connectors.Ref
	p.world.mu.Lock()
	for _, t := range p.world.inOrder() {
		ref := t.record.Ref
		if !slices.Contains(slices.Concat(sources, parents), ref.Collection) || t.record.Key != "" {
			continue
		}
		known = append(known, ref.ID)
		if ref.ID == c.args[0] || ref.String() == c.args[0] {
			found = append(found, ref)
		}
	}
	p.world.mu.Unlock()
	switch {
	case len(known) == 0:
		return errNoCurrent
	case len(found) == 0:
		return fmt.Errorf("there is no record %q; there are %s", c.args[0], strings.Join(known, ", "))
	case len(found) > 1:
		return fmt.Errorf("%s and %s have that id: give one of them whole", found[0], found[1])
	}
	p.current = found[0]
	return nil
}

func (p *play) cmdRestart(c *call) error {
	if len(c.args) > 0 {
		return errUsage
	}
	p.kill()
	return p.start()
}

func (p *play) cmdAdvance(c *call) error {
	if len(c.args) != 1 {
		return errUsage
	}
	d, err := duration(c.args[0])
	if err != nil {
		return err
	}
	return p.advance(d)
}

// longest is more time than any story needs.
const longest = 10 * 366 * 24 * time.Hour

// duration reads Go's durations, and days.
func duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if number, ok := strings.CutSuffix(s, "d"); ok {
		var days float64
		days, err = strconv.ParseFloat(number, 64)
		d = time.Duration(min(days*24, longest.Hours()+1) * float64(time.Hour))
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration: write one as 90s, 12h or 30d", s)
	case d <= 0:
		return 0, fmt.Errorf("%q: time only goes forward", s)
	case d > longest:
		return 0, fmt.Errorf("%q is more than ten years", s)
	}
	return d, nil
}

func (p *play) cmdWrites(c *call) error {
	if len(c.args) > 0 {
		return errUsage
	}
	for _, line := range p.writes() {
		c.printf("%s", line)
	}
	return nil
}

func (p *play) cmdNoWrites(c *call) error {
	if len(c.args) > 0 {
		return errUsage
	}
	if lines := p.writes(); len(lines) > 0 {
		return fmt.Errorf("there are:\n%s", strings.Join(lines, "\n"))
	}
	return nil
}

// writes returns the writes since the last time, as lines.
func (p *play) writes() []string {
	var lines []string
	for _, w := range p.world.takeWrites() {
		lines = append(lines, p.world.line(w))
	}
	return lines
}
