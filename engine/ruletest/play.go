package ruletest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/memory"
	"github.com/lockstep-sync/lockstep/engine/store"
	"github.com/lockstep-sync/lockstep/rules"
)

// A play is one script's systems, store, time and engine.
type play struct {
	set        *rules.Set
	world      *world
	clock      *clock
	store      store.Store
	steps      *memory.Steps
	connectors map[string]connectors.Connector
	log        lineBuffer

	// ctx ends with the script's time. folder is what it may read and write,
	// unless it may do so anywhere.
	ctx      context.Context
	folder   string
	tests    string // where the script lies: what is there it may read
	anywhere bool
	commands int      // of ours that ran
	unseen   []string // dead letters that nobody has looked at

	engine  *engine.Engine
	current connectors.Ref         // the record that commands are about
	dead    map[string]time.Time   // dead letters that were told of
	script  *testscript.TestScript // nil until the first command
}

// newPlay makes a play whose engine runs.
func newPlay(ctx context.Context, set *rules.Set, advisors map[string]connectors.Connector) (*play, error) {
	w := newWorld(set)
	p := &play{ctx: ctx, set: set, world: w, connectors: map[string]connectors.Connector{}, dead: map[string]time.Time{}}
	p.clock = newClock(w.calls.Load)
	w.now = p.clock.Now
	p.store, p.steps = memory.NewStepped(p.clock)
	for name := range set.Connectors {
		p.connectors[name] = w.connector(name, advisors[name])
	}
	return p, p.start()
}

// start starts a daemon's engine on the store as it is.
func (p *play) start() error {
	p.engine = engine.New(engine.Options{
		Store: p.store, Clock: p.clock, Alone: true, Still: true,
		Logger: slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: stable})),
	})
	if err := p.engine.Start(context.Background(), engine.Config{Set: p.set, Connectors: p.connectors}); err != nil {
		return err
	}
	return p.settle()
}

// output returns what the script's last command printed.
func (p *play) output() output {
	if p.script == nil {
		return output{}
	}
	return output{p.script.ReadFile("stdout"), p.script.ReadFile("stderr")}
}

// stable leaves out of a log line what differs from run to run.
func stable(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && slices.Contains([]string{slog.TimeKey, "generation", "link", "dead"}, a.Key) {
		return slog.Attr{}
	}
	return a
}

// kill ends the engine. It is quiet, so that nothing is under way that a kill
// could cut off: what is not in the store or the systems is lost.
func (p *play) kill() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.engine.Drain(ctx) // it has nothing to drain
	p.clock.forget()
}

// Nobody waits for a story that does not end.
const (
	mostRounds     = 100
	mostReconciles = 10_000
)

// errRestless is for rules that feed each other.
var errRestless = errors.New("the records did not converge: lockstep's writes lead to more writes, without end")

// settle lets the engine do all that it can do at this moment, hears what
// changed in the systems as from their webhooks, and so on until it is quiet.
func (p *play) settle() error {
	reconciles := 0
	for range mostRounds {
		if err := p.rest(); err != nil {
			return err
		}
		for p.steps.Deliver() {
			p.world.calls.Add(1)
			if err := p.rest(); err != nil {
				return err
			}
			if reconciles++; reconciles > mostReconciles {
				return errRestless
			}
		}
		news := p.world.news()
		if len(news) == 0 {
			return nil
		}
		if err := p.engine.Hint(context.Background(), news, ""); err != nil {
			return err
		}
	}
	return errRestless
}

// rest waits for the engine's loops and workers.
func (p *play) rest() error {
	if err := context.Cause(p.ctx); err != nil {
		return err
	}
	err := p.clock.rest(p.engine.Loops())
	p.engine.WaitIdle()
	return err
}

// advance lets time pass, from one thing that is due to the next.
func (p *play) advance(d time.Duration) error {
	end := p.clock.Now().Add(d)
	for {
		next, found := p.steps.Due()
		if at, waits := p.clock.due(); waits && (!found || at.Before(next)) {
			next, found = at, true
		}
		last := !found || next.After(end)
		if last {
			next = end
		}
		p.clock.move(next)
		if err := p.settle(); err != nil {
			return err
		}
		if last {
			return nil
		}
	}
}

// A foundTicket is a ticket of a record, with the link that leads to it.
type foundTicket struct {
	ref   connectors.Ref
	route string
}

// tickets returns the tickets that a record has, one a route, in the order in which
// they were opened. Of a route that opened several, the newest counts.
func (p *play) tickets(source connectors.Ref) ([]foundTicket, error) {
	links, err := p.engine.Links(context.Background())
	if err != nil {
		return nil, err
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	serial := func(t foundTicket) int { return p.world.things[t.ref].serial }
	newest := map[string]foundTicket{}
	for _, l := range links {
		if l.Source != source || l.Target == nil || p.world.things[*l.Target] == nil {
			continue
		}
		t := foundTicket{*l.Target, l.Route}
		if other, ok := newest[l.Route]; !ok || serial(t) > serial(other) {
			newest[l.Route] = t
		}
	}
	var all []foundTicket
	for _, t := range newest {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b foundTicket) int { return cmp.Compare(serial(a), serial(b)) })
	return all, nil
}

// parent returns what a record belongs to, as far as the world holds it, with its
// oldest ticket in each connector.
func (p *play) parent(r connectors.Record) *rules.Parent {
	if r.Parent.IsZero() {
		return nil
	}
	p.world.mu.Lock()
	record, err := p.world.read(r.Parent)
	p.world.mu.Unlock()
	if err != nil {
		return nil
	}
	parent := &rules.Parent{Record: record, Tickets: map[string]rules.Ticket{}}
	tickets, err := p.tickets(r.Parent)
	if err != nil {
		return parent
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	for _, t := range tickets {
		if _, older := parent.Tickets[t.ref.Connector]; !older {
			ticket := p.world.things[t.ref].record
			parent.Tickets[t.ref.Connector] = rules.Ticket{ID: t.ref.ID, Number: ticket.Number, URL: ticket.URL}
		}
	}
	return parent
}

// newDead returns the dead letters since the last time, as lines.
func (p *play) newDead() ([]string, error) {
	letters, err := p.engine.Dead(context.Background())
	if err != nil {
		return nil, err
	}
	slices.SortFunc(letters, func(a, b deadletter.Letter) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Record.String(), b.Record.String()), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Field, b.Field))
	})
	var lines []string
	for _, l := range letters {
		if told, ok := p.dead[l.ID]; ok && told.Equal(l.At) {
			continue
		}
		p.dead[l.ID] = l.At
		lines = append(lines, deadLine(l))
	}
	return lines, nil
}

// why says what became of a record that has no ticket.
func (p *play) why(ref connectors.Ref) string {
	p.world.mu.Lock()
	record, err := p.world.read(ref)
	p.world.mu.Unlock()
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, route := range p.set.Routes {
		if route.Source == ref.Collection {
			b.WriteByte('\n')
			p.set.Decide(route.Name, rules.Input{Record: record, LinkID: links.ID(route.Name, ref, 1), Parent: p.parent(record)}).WriteText(&b)
		}
	}
	letters, err := p.engine.Dead(context.Background())
	if err != nil {
		return ""
	}
	for _, l := range letters {
		if l.Record == ref {
			b.WriteString("\n" + deadLine(l))
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func deadLine(l deadletter.Letter) string {
	field := ""
	if l.Field != "" {
		field = " field " + l.Field
	}
	return fmt.Sprintf("dead letter: route %s, %s, %s%s: %s", l.Route, l.Record, l.Reason, field, l.Message)
}

// decode reads the record in a file as one of the collections that may have it.
func (p *play) decode(body []byte, among []connectors.Collection) ([]connectors.Record, error) {
	var found []connectors.Record
	var refused []string
	for _, c := range among {
		record, err := p.set.Connectors[c.Connector].Decode(c, body)
		if err != nil {
			refused = append(refused, fmt.Sprintf("not of %s: %s", c, err))
			continue
		}
		found = append(found, record)
	}
	if len(found) == 0 {
		return nil, errors.New(strings.Join(refused, "\n"))
	}
	return found, p.slips(body, among)
}

// slips refuses a record that none of the systems of the collections would give.
func (p *play) slips(body []byte, among []connectors.Collection) error {
	for _, c := range among {
		block := p.set.Connectors[c.Connector]
		record, err := block.Decode(c, body)
		if err != nil {
			continue // that is said where it is read
		}
		if err := checkRecord(c, block.System, body, record.Fields); err != nil {
			return err
		}
	}
	return nil
}

// sources returns the collections that routes begin with, and after them those
// that their records belong to.
func (p *play) sources() (sources, parents []connectors.Collection) {
	for _, r := range p.set.Routes {
		if !slices.Contains(sources, r.Source) {
			sources = append(sources, r.Source)
		}
	}
	for _, c := range sources {
		above := c
		above.Record = p.world.schema(c).Parent
		if above.Record != "" && !slices.Contains(sources, above) && !slices.Contains(parents, above) {
			parents = append(parents, above)
		}
	}
	return sources, parents
}

// put gives the source system a record.
func (p *play) put(r connectors.Record) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	t := p.world.add(r)
	p.world.learn(r)
	p.world.touch(t, person)
}
