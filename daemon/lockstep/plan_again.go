package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// A plan is what would change, by record.
type plan struct {
	Records    int          `json:"records"`
	Gain       int          `json:"gain_ticket"`
	Lose       int          `json:"lose_ticket"`
	Unknown    int          `json:"not_decided"`       // nothing to decide by
	Unreadable int          `json:"unreadable"`        // lines of the journal
	Nothing    string       `json:"nothing,omitempty"` // why there is nothing to decide by
	Changes    []planChange `json:"changes"`
	// Terms are what would change of how links are kept in step, and no decision shows.
	Terms      []planTerm `json:"terms"`
	Uncompared int        `json:"terms_not_compared"` // links whose terms the journal does not tell
}

// A planTerm is a change of one term, with the number of links it concerns.
type planTerm struct {
	Route    string `json:"route"`
	Template string `json:"template"`
	What     string `json:"what"`
	Was      string `json:"was"`
	Now      string `json:"now"`
	Links    int    `json:"links"`
}

// holds reports whether nothing would change, as far as the journal tells.
func (p plan) holds() bool {
	return len(p.Changes) == 0 && len(p.Terms) == 0 && p.Nothing == "" && p.Unreadable == 0
}

type planChange struct {
	Route  string     `json:"route"`
	Record string     `json:"record"`
	Name   string     `json:"record_name,omitempty"` // what people call it
	Lines  []planLine `json:"changes"`
}

// A planLine is one difference: Was or Now is empty where there is nothing.
type planLine struct {
	What string `json:"what"`
	Was  string `json:"was"`
	Now  string `json:"now"`
}

// decided is a decision as rules writes it for machines.
type decided struct {
	Template string                     `json:"template"`
	Target   string                     `json:"target"`
	Action   string                     `json:"action"`
	Reason   string                     `json:"reason"`
	State    string                     `json:"state"`
	Fields   map[string]json.RawMessage `json:"fields"`
	Errors   map[string]string          `json:"errors"`
}

// A planner decides again what a journal tells, entry by entry, oldest first. It
// keeps of each decision how the new one differs, and not what it rested on.
type planner struct {
	set     *rules.Set
	since   time.Time // how far back the journal is asked for
	file    bool      // the journal is one that may go further back
	entries int
	unread  int // lines that are no entries
	records map[planKey]*planned
	routes  map[planRoute]bool // those that the journal tells of
	names   map[connectors.Ref]string
	private map[connectors.Ref]bool // at any time, with its parent
	// fresh is what the other routes would make of the records.
	fresh     map[planKey]*planned
	ancestors map[connectors.Ref][]string // which a decision on an open ticket is not told
}

type planKey struct {
	route  string
	record connectors.Ref
}

// A planRoute is a route with its source, which a change may turn.
type planRoute struct {
	name   string
	source connectors.Collection
}

// planned is what is known of a record on a route.
type planned struct {
	known    bool // the newest snapshot could be decided again
	was, now string
	linked   bool       // it had a ticket when it was decided
	opening  []planLine // of the decision that opened its ticket
	newest   []planLine
	opened   bool       // the journal tells of the opening
	template string     // what its ticket has; empty: there is no ticket
	terms    []planLine // nil and not compared: the journal does not tell
	compared bool
}

func newPlanner(set *rules.Set) *planner {
	return &planner{
		set: set, records: map[planKey]*planned{}, names: map[connectors.Ref]string{}, private: map[connectors.Ref]bool{}, routes: map[planRoute]bool{},
		fresh: map[planKey]*planned{}, ancestors: map[connectors.Ref][]string{},
	}
}

// newPlan decides the newest snapshot of each record on each route again, and the one
// that its ticket was opened by.
func newPlan(set *rules.Set, exported []byte) plan {
	p := newPlanner(set)
	for line := range bytes.Lines(exported) {
		p.add(line)
	}
	return p.plan()
}

// add takes one line of an exported journal.
func (p *planner) add(line []byte) {
	var entry journal.Entry
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if json.Unmarshal(line, &entry) != nil || entry.Record.IsZero() {
		p.unread++
		return
	}
	if p.file && entry.At.Before(p.since) { // the daemon has left them out
		return
	}
	p.entries++
	p.routes[planRoute{entry.Route, entry.Record.Collection}] = true
	k := planKey{entry.Route, entry.Record}
	at := p.records[k]
	if at == nil {
		at = &planned{}
		p.records[k] = at
	}
	if entry.Snapshot == nil {
		return // it is that of an entry before
	}
	*at = planned{opening: at.opening, opened: at.opened}
	in, ok := entry.Snapshot.Input()
	var was decided
	if !ok || json.Unmarshal(entry.Snapshot.Decided, &was) != nil {
		return
	}
	p.names[entry.Record] = in.Record.Number
	if in.Record.Private || in.Parent != nil && in.Parent.Record.Private {
		p.private[entry.Record] = true
	}
	p.addFresh(entry.Route, in)
	now, ok := p.decide(entry.Route, in)
	if !ok {
		return
	}
	at.known, at.was, at.now, at.linked = true, was.Action, now.Action, in.Linked != ""
	at.newest = compare(was, now)
	if was.Action != string(rules.None) {
		at.template = was.Template
		p.compareTerms(at, entry.Route, entry.Snapshot.Terms, was, now)
	}
	if !at.linked {
		at.opened = was.Action == string(rules.Create)
		at.opening = nil
		for _, l := range at.newest {
			l.What += ofNew
			at.opening = append(at.opening, l)
		}
	}
}

// addFresh decides a record on the routes that the journal does not tell of: they
// may open a ticket of their own for it.
func (p *planner) addFresh(route string, in rules.Input) {
	ref := in.Record.Ref
	if in.Linked == "" && len(in.Ancestors) > 0 {
		p.ancestors[ref] = in.Ancestors
	}
	for _, r := range p.set.Routes {
		if r.Name == route || p.routes[planRoute{r.Name, r.Source}] || r.Source != ref.Collection {
			continue
		}
		in.Linked, in.LinkID, in.Ancestors = "", links.ID(r.Name, ref, 1), p.ancestors[ref]
		if in.Ancestors == nil && links.IsKey(in.Record.Key) {
			in.Ancestors = p.set.Openers(ref.Collection)
		}
		was, at := decided{Action: string(rules.None)}, &planned{}
		if now, ok := p.decide(r.Name, in); ok {
			at.known, at.was, at.now = true, was.Action, now.Action
			if now.Action != was.Action {
				at.newest = compare(was, now)
			}
		}
		p.fresh[planKey{r.Name, ref}] = at
	}
}

// decide decides with the new rules.
func (p *planner) decide(route string, in rules.Input) (now decided, ok bool) {
	if r := p.set.Route(route); r != nil && r.Source != in.Record.Ref.Collection {
		return decided{Action: string(rules.None), Reason: fmt.Sprintf("the source of route %s is %s", route, r.Source)}, true
	}
	d := p.set.Decide(route, in)
	d.Skipped = nil
	encoded, err := d.MarshalJSON()
	return now, err == nil && json.Unmarshal(encoded, &now) == nil
}

// plan returns what would change.
func (p *planner) plan() plan {
	out := plan{Unreadable: p.unread, Changes: []planChange{}}
	all := maps.Clone(p.records)
	for k, at := range p.fresh {
		if !p.routes[planRoute{k.route, k.record.Collection}] && len(at.newest) > 0 {
			all[k] = at
		}
	}
	keys := slices.SortedFunc(maps.Keys(all), func(x, y planKey) int {
		return cmp.Or(cmp.Compare(x.route, y.route), cmp.Compare(x.record.String(), y.record.String()))
	})
	for _, k := range keys {
		at := all[k]
		if !at.known {
			out.Unknown++
			continue
		}
		if p.records[k] != nil {
			out.Records++
		}
		none := string(rules.None)
		switch { // counted by the newest decision
		case at.was == none && at.now != none:
			out.Gain++
		case at.was != none && at.now == none:
			out.Lose++
		}
		lines := at.newest
		if at.linked {
			// Its ticket keeps its template; one like it would get another.
			lines = slices.Concat(at.opening, lines)
		}
		if len(lines) > 0 {
			out.Changes = append(out.Changes, p.change(k, lines))
		}
	}
	out.Terms = p.terms(&out)
	if out.Records == 0 {
		out.Nothing = p.nothing()
	}
	return out
}

// change returns what is shown of a record: of a private one nothing of its contents.
func (p *planner) change(k planKey, lines []planLine) planChange {
	c := planChange{Route: k.route, Record: k.record.String(), Name: p.names[k.record], Lines: lines}
	if !p.private[k.record] {
		return c
	}
	c.Name, c.Lines = "", make([]planLine, len(lines))
	for i, l := range lines {
		if !slices.Contains([]string{"template", "target", "action"}, strings.TrimSuffix(l.What, ofNew)) {
			l.Was, l.Now = withheld(l.Was), withheld(l.Now)
		}
		c.Lines[i] = l
	}
	return c
}

func withheld(text string) string {
	if text == "" {
		return ""
	}
	return "(private)"
}

// ofNew ends the name of what differs in the decision that opened a ticket.
const ofNew = " of new tickets"

// nothing says why there is nothing to decide by.
func (p *planner) nothing() string {
	switch {
	case p.entries > 0:
		return "what the journal tells of is private, too large to be kept, or of another version"
	case p.unread > 0:
		return "the journal holds no decision that can be read; expected what 'lockstep journal export' prints"
	case !p.since.IsZero():
		return "the journal holds no decision since " + p.since.UTC().Format(time.RFC3339) + "; look further back with -since"
	}
	return "the journal is empty"
}

func compare(was, now decided) []planLine {
	var lines []planLine
	add := func(what, w, n string) {
		if w != n {
			lines = append(lines, planLine{what, w, n})
		}
	}
	add("template", was.Template, now.Template)
	add("target", was.Target, now.Target)
	add("action", was.Action, now.Action)
	add("reason", was.Reason, now.Reason)
	add("state", was.State, now.State)
	before, after := was.texts(), now.texts()
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		add("field "+name, before[name], after[name])
	}
	return lines
}

// texts returns the fields' values as people read them.
func (d decided) texts() map[string]string {
	out := map[string]string{}
	for name, raw := range d.Fields {
		var ref struct {
			Ref *struct {
				Key   string          `json:"key"`
				Value json.RawMessage `json:"value"`
			} `json:"ref"`
		}
		var compact bytes.Buffer
		switch {
		case json.Unmarshal(raw, &ref) == nil && ref.Ref != nil:
			out[name] = fmt.Sprintf("ref(%s, %s)", ref.Ref.Key, ref.Ref.Value)
		case json.Compact(&compact, raw) == nil:
			out[name] = compact.String()
		}
	}
	for name, message := range d.Errors {
		out[name] = "error: " + message
	}
	return out
}
