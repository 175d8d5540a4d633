package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/guarded"
)

// A tableUse is a state table used for a record type.
type tableUse struct {
	of     connectors.Collection
	schema *connectors.Schema
	path   string // of the raw state
}

// A tableChecker checks state tables against the record types that they are used
// for.
type tableChecker struct {
	*findings
	uses *uses
	of   map[*tableDecl][]tableUse
}

func newTableChecker(f *findings, u *uses) *tableChecker {
	return &tableChecker{f, u, map[*tableDecl][]tableUse{}}
}

// use remembers which record types a template's state table is for, and reports
// one that knows nothing of them.
func (c *tableChecker) use(t *template, tables map[string]*tableDecl, source connectors.Collection, from *connectors.Schema) {
	if t.result.State == nil || t.result.State.Table == nil {
		return
	}
	table := tables[t.result.State.Table.Name]
	fromPath := t.sourceField.Reveal()
	if fromPath == "" && from.State != nil {
		fromPath = from.State.Field
	}
	for _, use := range []tableUse{{source, from, fromPath}, {t.result.Target, t.schema, t.result.State.TargetField}} {
		if slices.Contains(c.of[table], use) {
			continue
		}
		c.of[table] = append(c.of[table], use)
		if len(table.result.values(use.of)) == 0 {
			c.err(t.decl.attrsOf["state"]["table"].Expr.Range(),
				fmt.Sprintf("state table %q has no column for %s", table.result.Name, use.of),
				fmt.Sprintf("Give its states a column %s or %s.", use.of.Type, use.of.Connector))
		}
	}
}

// check checks the values of state tables against the record types that
// they are used for.
func (c *tableChecker) check(tables map[string]*tableDecl) {
	for _, name := range sortedKeys(tables) {
		t := tables[name]
		for _, column := range sortedKeys(t.columns) {
			c.checkColumn(t, column)
		}
		for _, use := range c.of[t] {
			c.checkCoverage(t, use)
			c.checkReadsBack(t, use)
		}
	}
}

// checkColumn reports values of a column that none of the record types it is
// for can have.
func (c *tableChecker) checkColumn(t *tableDecl, column string) {
	var uses []tableUse
	for _, use := range c.of[t] {
		if use.of.Connector == column || use.of.Type == column {
			uses = append(uses, use)
		}
	}
	for _, v := range t.columns[column] {
		summary, detail := "", ""
		fits := len(uses) == 0
		for _, use := range uses {
			native, wrong, advice := columnFits(v.String, use)
			if wrong != "" {
				summary, detail = wrong, advice
				continue
			}
			fits = true
			if native != nil {
				c.uses.value(usedBy{of: use.of}, use.path, native, v.at)
			}
		}
		if !fits {
			c.err(v.at, summary, detail)
		}
	}
}

// columnFits says what is wrong with a column value, if anything, and which
// value of the field only the instance can confirm.
func columnFits(value guarded.String, use tableUse) (native any, summary, detail string) {
	s := use.schema.State
	if s == nil || s.Field != use.path {
		return value.Reveal(), "", ""
	}
	if category, ok := strings.CutPrefix(value.Reveal(), CategoryPrefix); ok {
		shown := guarded.New(category, value.Sensitive())
		var known []string
		for _, k := range s.Known {
			if name, ok := strings.CutPrefix(k, CategoryPrefix); ok {
				known = append(known, name)
			}
		}
		switch {
		case s.Category == "":
			return nil, fmt.Sprintf("states of %s have no category", use.schema.Record), "Write the states themselves."
		case len(known) > 0 && !slices.Contains(known, category):
			return nil, fmt.Sprintf("%s has no status category %s", use.schema.Record, shown.Quote()), suggestFor(shown, known, "status category")
		}
		return nil, "", ""
	}
	top, _, nested := strings.Cut(s.Field, ".")
	field := use.schema.Fields[top]
	if s.Int {
		n, err := strconv.ParseInt(value.Reveal(), 10, 64)
		if err != nil {
			return nil, fmt.Sprintf("the state of %s is a number, not %s", use.schema.Record, value.Quote()),
				sentences("Write the numbers of the states, as in [1, 2].", choicesAdvice(field))
		}
		if written := strconv.FormatInt(n, 10); written != value.Reveal() {
			return nil, fmt.Sprintf("the state %s never reads back", value.Quote()), fmt.Sprintf("%s writes it %s. Write it so here.", use.schema.Record, guarded.New(written, value.Sensitive()))
		}
		if field.InstanceChoices || len(field.Choices) == 0 {
			return n, "", ""
		}
		if !slices.ContainsFunc(field.Choices, func(c connectors.Choice) bool { return c.Value == n }) {
			return nil, fmt.Sprintf("%s has no state %s", use.schema.Record, value), choicesAdvice(field)
		}
		return nil, "", ""
	}
	if nested || field.InstanceChoices || len(field.Choices) == 0 {
		return value.Reveal(), "", ""
	}
	var known []string
	for _, c := range field.Choices {
		known = append(known, fmt.Sprint(c.Value))
	}
	if !slices.Contains(known, value.Reveal()) {
		return nil, fmt.Sprintf("%s has no state %s", use.schema.Record, value.Quote()), suggestFor(value, known, "state")
	}
	return nil, "", ""
}

// checkDemands warns of states that a ticket is moved to without what it then needs.
func checkDemands(t *template, f *findings) {
	s := t.result.State
	if s == nil || s.Table == nil || s.Direction == Inbound || t.schema.State == nil || t.schema.State.Demands == nil || s.TargetField != t.schema.State.Field {
		return
	}
	for _, state := range s.Table.States {
		column := state.Column(t.result.Target)
		if len(column) == 0 {
			continue
		}
		var missing []string
		for _, name := range t.schema.State.Demands(column[0]) {
			if t.decl.fields[fieldKey{false, name}] == nil {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			f.warn(t.decl.blockAt["state"], fmt.Sprintf("template %q does not set %s", t.decl.name, strings.Join(missing, " and ")),
				fmt.Sprintf("The state %q sets the %s of the ticket to %s, which its data policy refuses without. Set them in once or in outbound, as in %s = \"{{ state == '%s' ? '…' : null }}\".",
					state.Label, s.TargetField, column[0], missing[0], state.Label))
			return
		}
	}
}

// checkReadsBack warns of states that a table has for other systems and not for
// this one: nothing can be written for them there, so that what is in one of
// them on the other side is in none here.
func (c *tableChecker) checkReadsBack(t *tableDecl, use tableUse) {
	if t.unmapped || len(t.result.values(use.of)) == 0 {
		return
	}
	for i := range t.result.States {
		s := &t.result.States[i]
		if len(s.Column(use.of)) > 0 {
			continue
		}
		for _, other := range c.of[t] {
			if other.of != use.of && len(s.Column(other.of)) > 0 {
				c.warn(t.positionOf(i, other.of), fmt.Sprintf("state %q of table %q has no value for %s", s.Label, t.result.Name, use.of),
					fmt.Sprintf("A record of %s that is in it leaves the other side as it is. Give the state a value there, or set unmapped.", other.of))
				break
			}
		}
	}
}

// positionOf returns where a state has its first value for a collection's system.
func (t *tableDecl) positionOf(state int, of connectors.Collection) hcl.Range {
	for _, column := range []string{of.Connector, of.Type} {
		if at, ok := t.first[stateKey{column, state}]; ok {
			return at
		}
	}
	return t.at
}

// checkCoverage warns of known states that a table leaves out without saying
// what becomes of them.
func (c *tableChecker) checkCoverage(t *tableDecl, use tableUse) {
	s := use.schema.State
	if t.unmapped || s == nil || s.Field != use.path {
		return
	}
	values := t.result.values(use.of)
	if len(values) == 0 {
		return // said already
	}
	var missing []string
	for _, k := range s.Known {
		if !slices.Contains(values, k) {
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return
	}
	c.warn(t.at, fmt.Sprintf("state table %q leaves out states of %s.%s: %s", t.result.Name, use.of.Type, use.of.Record, strings.Join(missing, ", ")),
		`A record in one of these is left as it is. Give each a state, or say so: unmapped = "ignore", or "error" to be told.`)
}
