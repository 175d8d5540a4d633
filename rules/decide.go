package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Decide says what should become of a record on a route. It reads nothing but
// its arguments.
func (s *Set) Decide(route string, in Input) Decision {
	d := Decision{Route: route, Record: in.Record.Ref, Action: None}
	r := s.Route(route)
	if r == nil {
		d.Reason = fmt.Sprintf("there is no route %s", route)
		return d
	}
	vars := r.router.vars(&in)
	if in.Linked != "" {
		return s.decideLinked(d, r, in, vars)
	}
	if !r.Admits(in.Record) {
		d.Reason = "private"
		return d
	}
	c := r.router.choose(&d, vars, in.Done)
	if d.Err != nil {
		d.Reason = "too costly: " + d.Err.Error()
		return d
	}
	if c == nil {
		d.Reason = "no template matched"
		return d
	}
	d.choose(c, &in, vars)
	switch mode, status := text(lookUp(&in.Record, c.mode)), text(lookUp(&in.Record, c.status)); {
	case slices.Contains(in.Ancestors, c.template.Target.Connector):
		d.Reason = "opened by lockstep"
	case c.modes != nil && mode != "" && !slices.Contains(c.modes, mode):
		d.Reason = "mode " + mode
	case c.statuses != nil && status != "" && !slices.Contains(c.statuses, status):
		d.Reason, d.ForNow = "status "+status, true
	case !r.Create:
		d.Reason = "create is off"
	default:
		d.Action = Create
		d.render(c, &in, vars)
	}
	return d
}

// decideLinked decides a record that has a ticket: it keeps its template,
// whatever the conditions say now.
func (s *Set) decideLinked(d Decision, r *Route, in Input, vars map[string]any) Decision {
	c := r.router.byName(in.Linked)
	switch {
	case c == nil && s.Templates[in.Linked] == nil:
		d.Reason = fmt.Sprintf("template %s is gone", in.Linked)
		return d
	case c == nil:
		d.Reason = fmt.Sprintf("template %s does not fit %s", in.Linked, r.Source)
		return d
	case !r.Admits(in.Record) && !c.template.Lifecycle.KeepPrivate:
		d.Reason = "private"
		return d
	}
	d.choose(c, &in, vars)
	d.Action = Update
	d.Withheld = in.Ticket != nil && in.Ticket.Private && !r.Private && !c.gaveAudience(in.Ticket, vars)
	d.render(c, &in, vars)
	return d
}

// byName returns a template that a link has, nil if none fits.
func (d *router) byName(name string) *compiledTemplate {
	for _, c := range d.candidates {
		if c.template.Name == name {
			return c
		}
	}
	if d.noMatch != nil && d.noMatch.template.Name == name {
		return d.noMatch
	}
	return d.unlisted(name)
}

// choose returns the first template that matches, else the one of no_match;
// nil: no ticket. Those that were tried before are noted in the decision.
func (d *router) choose(out *Decision, vars map[string]any, done <-chan struct{}) *compiledTemplate {
	for _, c := range d.candidates {
		if c.when == nil {
			return c
		}
		matched, err := c.when.Eval(vars)
		if over(done) {
			err = connectors.ErrTooCostly
		}
		if errors.Is(err, connectors.ErrTooCostly) {
			out.Err = fmt.Errorf("condition of template %s: %w", c.template.Name, err)
			return nil
		}
		if matched && err == nil {
			out.Condition = c.when.Source()
			return c
		}
		skipped := Skipped{Template: c.template.Name, Condition: c.when.Source(), Err: err}
		if err == nil {
			for _, o := range c.when.Operands(vars) {
				skipped.Operands = append(skipped.Operands, Operand{Path: o.Path, JSON: o.JSON})
			}
		}
		out.Skipped = append(out.Skipped, skipped)
	}
	return d.noMatch
}

// vars returns what expressions see of the input; state and link's template follow
// when the template is known.
func (d *router) vars(in *Input) map[string]any {
	vars := map[string]any{d.record: &in.Record, localName: d.locals}
	if d.parent != "" && in.Parent != nil {
		vars[parentName] = map[string]any{d.parent: &in.Parent.Record}
	}
	return vars
}

// choose notes the template that was chosen and what its expressions see.
func (d *Decision) choose(c *compiledTemplate, in *Input, vars map[string]any) {
	d.Template, d.Target = c.template.Name, c.template.Target
	vars[linkName] = map[string]any{"id": in.LinkID, "route": d.Route, "template": d.Template}
	label, ok := c.label(&in.Record)
	if in.State != "" {
		label, ok = in.State, true
	}
	if ok {
		d.State = label
		vars[stateName] = label
	}
	parent, _ := vars[parentName].(map[string]any)
	if parent == nil {
		return
	}
	if ticket, ok := in.Parent.Tickets[d.Target.Connector]; ok {
		parent[ticketName] = map[string]any{"id": textOrNil(ticket.ID), "number": textOrNil(ticket.Number), "url": textOrNil(ticket.URL)}
	} else {
		d.AwaitsParent = c.wantsTicket
	}
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// label returns the state that the template's table gives a record.
func (c *compiledTemplate) label(r *connectors.Record) (string, bool) {
	sync := c.template.State
	if sync == nil || sync.Table == nil || c.state == "" {
		return "", false
	}
	category := ""
	if c.category != "" {
		category = text(lookUp(r, c.category))
	}
	return sync.Table.Label(r.Ref.Collection, text(lookUp(r, c.state)), category)
}

func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// maxRendered bounds what one decision renders, in bytes of text.
const maxRendered = 32 << 20

// A rendering evaluates the values of one decision, within its bounds.
type rendering struct {
	done  <-chan struct{}
	vars  map[string]any
	bytes int
}

func (r *rendering) eval(v *value) (any, error) {
	if r.bytes > maxRendered || over(r.done) {
		return nil, fmt.Errorf("all values together: %w", connectors.ErrTooCostly)
	}
	rendered, err := v.eval(r.vars)
	if s, ok := rendered.(string); ok {
		r.bytes += len(s)
	}
	return rendered, err
}

// gaveAudience reports whether who may see a ticket is what the template says.
func (c *compiledTemplate) gaveAudience(ticket *connectors.Record, vars map[string]any) bool {
	for _, m := range c.values {
		if m.field != c.audience || c.audience == "" {
			continue
		}
		given, err := m.value.eval(vars)
		said, ok := given.(string)
		return err == nil && ok && said != "" && strings.EqualFold(strings.TrimSpace(said), text(ticket.Fields[c.audience]))
	}
	return false
}

// readsOnly reports whether a mapping reads of what expressions call root nothing
// but some fields.
func (m *mapping) readsOnly(root string, fields []string) bool {
	return !slices.ContainsFunc(m.topFields(root), func(field string) bool { return !slices.Contains(fields, field) })
}

// render evaluates the mappings that the action writes.
func (d *Decision) render(c *compiledTemplate, in *Input, vars map[string]any) {
	r := &rendering{done: in.Done, vars: vars}
	for _, m := range c.values {
		once := m.section == onceSection
		if once && d.Action != Create && !in.WithOnce {
			continue
		}
		v, err := r.eval(m.value)
		d.Values = append(d.Values, Value{Field: m.field, Once: once, Expr: m.digest, Value: v, Err: err, Pair: m.partner, Reads: m.readsOf(d.Record.Record)})
	}
	if in.Ticket == nil || d.Action != Update {
		return
	}
	vars[ticketName] = in.Ticket
	for _, m := range c.entries {
		var v any // null: the field is left alone
		var err error
		if !d.Withheld || m.readsOnly(ticketName, c.shown) {
			v, err = r.eval(m.value)
		}
		d.Inbound = append(d.Inbound, Value{Field: m.field, Expr: m.digest, Value: v, Err: err, Pair: m.partner, Reads: m.readsOf(ticketName)})
	}
}
