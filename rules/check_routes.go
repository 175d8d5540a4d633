package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// checkRoutes warns of templates that cannot be reached and of conditions that
// are not asked.
func (l *loader) checkRoutes(routes []*routeDecl, compiled map[compiledKey]*candidate, templates map[string]*template) {
	always := func(r *routeDecl, name string) bool {
		t := templates[name]
		if t == nil {
			return false
		}
		c := compiled[compiledKey{t, r.source}]
		return c != nil && (c.when == nil || c.when.AlwaysTrue())
	}
	reached := map[string]bool{}
	type unreached struct {
		ref    templateRef
		before string
		route  string
	}
	var hidden, implied []unreached
	for _, r := range routes {
		before := ""
		var conditions expr.Implied
		var asked []string // the templates of conditions
		for _, ref := range r.templates {
			if before != "" {
				hidden = append(hidden, unreached{ref, before, r.name})
				continue
			}
			if c := compiled[compiledKey{templates[ref.name], r.source}]; c != nil && c.when != nil {
				first, ok := conditions.First(c.when)
				conditions.Add(c.when)
				if asked = append(asked, ref.name); ok {
					implied = append(implied, unreached{ref, asked[first], r.name})
					continue
				}
			}
			reached[ref.name] = true
			if always(r, ref.name) {
				before = ref.name
			}
		}
		if r.noMatch == nil {
			continue
		}
		if before != "" {
			hidden = append(hidden, unreached{*r.noMatch, before, r.name})
		} else {
			reached[r.noMatch.name] = true
		}
		if t := templates[r.noMatch.name]; t != nil && t.when != nil {
			l.warn(r.noMatch.at, fmt.Sprintf("the condition of template %q is not asked", r.noMatch.name),
				fmt.Sprintf("no_match takes what no other template matches, whatever its when at %s says. List the template in templates to have it asked.", place(t.when.Range())))
		}
	}
	for _, u := range implied {
		if !reached[u.ref.name] {
			l.warn(u.ref.at, fmt.Sprintf("template %q cannot be reached", u.ref.name),
				fmt.Sprintf("Template %q before it in route %q matches wherever this one does. List this one first, or change one of the conditions.", u.before, u.route))
		}
	}
	for _, u := range hidden {
		if !reached[u.ref.name] {
			l.warn(u.ref.at, fmt.Sprintf("template %q cannot be reached", u.ref.name),
				fmt.Sprintf("Template %q before it in route %q always matches. Give that one a condition, or put it last.", u.before, u.route))
		}
	}
}

// A tableUse is a state table used for a record type.
type tableUse struct {
	of     connectors.Collection
	schema *connectors.Schema
	path   string // of the raw state
}

// useTable remembers which record types a template's state table is for, and
// reports one that knows nothing of them.
func (l *loader) useTable(t *template, source connectors.Collection) {
	if t.made.State == nil || t.made.State.Table == nil {
		return
	}
	table := l.tables[t.made.State.Table.Name]
	from := l.schema(source)
	fromPath := t.sourceField
	if fromPath == "" && from.State != nil {
		fromPath = from.State.Field
	}
	for _, use := range []tableUse{{source, from, fromPath}, {t.made.Target, t.schema, t.made.State.TargetField}} {
		if table.used[use] {
			continue
		}
		table.used[use] = true
		table.uses = append(table.uses, use)
		if len(table.made.values(use.of)) == 0 {
			l.err(t.decl.attrsOf["state"]["table"].Expr.Range(),
				fmt.Sprintf("state table %q has no column for %s", table.made.Name, use.of),
				fmt.Sprintf("Give its states a column %s or %s.", use.of.Type, use.of.Connector))
		}
	}
}

// checkTables checks the values of state tables against the record types that
// they are used for.
func (l *loader) checkTables() {
	for _, name := range sortedKeys(l.tables) {
		t := l.tables[name]
		for _, column := range sortedKeys(t.columns) {
			l.checkColumn(t, column)
		}
		for _, use := range t.uses {
			l.checkCoverage(t, use)
			l.checkReadsBack(t, use)
		}
	}
}

// checkColumn reports values of a column that none of the record types it is
// for can have.
func (l *loader) checkColumn(t *tableDecl, column string) {
	var uses []tableUse
	for _, use := range t.uses {
		if use.of.Connector == column || use.of.Type == column {
			uses = append(uses, use)
		}
	}
	for _, v := range t.columns[column] {
		summary, detail := "", ""
		fits := len(uses) == 0
		for _, use := range uses {
			native, wrong, advice := columnFits(v.value, use)
			if wrong != "" {
				summary, detail = wrong, advice
				continue
			}
			fits = true
			if native != nil {
				l.uses.value(use.of, use.path, native)
			}
		}
		if !fits {
			l.err(v.at, summary, detail)
		}
	}
}

// columnFits says what is wrong with a column value, if anything, and which
// value of the field only the instance can confirm.
func columnFits(value string, use tableUse) (native any, summary, detail string) {
	s := use.schema.State
	if s == nil || s.Field != use.path {
		return value, "", ""
	}
	if category, ok := strings.CutPrefix(value, CategoryPrefix); ok {
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
			return nil, fmt.Sprintf("%s has no status category %q", use.schema.Record, category), suggest(category, known, "status category")
		}
		return nil, "", ""
	}
	top, _, nested := strings.Cut(s.Field, ".")
	field := use.schema.Fields[top]
	if s.Int {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, fmt.Sprintf("the state of %s is a number, not %q", use.schema.Record, value),
				sentences("Write the numbers of the states, as in [1, 2].", choicesAdvice(field))
		}
		if written := strconv.FormatInt(n, 10); written != value {
			return nil, fmt.Sprintf("the state %q never reads back", value), fmt.Sprintf("%s writes it %s. Write it so here.", use.schema.Record, written)
		}
		if field.InstanceChoices || len(field.Choices) == 0 {
			return n, "", ""
		}
		if !slices.ContainsFunc(field.Choices, func(c connectors.Choice) bool { return c.Value == n }) {
			return nil, fmt.Sprintf("%s has no state %d", use.schema.Record, n), choicesAdvice(field)
		}
		return nil, "", ""
	}
	if nested || field.InstanceChoices || len(field.Choices) == 0 {
		return value, "", ""
	}
	var known []string
	for _, c := range field.Choices {
		known = append(known, fmt.Sprint(c.Value))
	}
	if !slices.Contains(known, value) {
		return nil, fmt.Sprintf("%s has no state %q", use.schema.Record, value), suggest(value, known, "state")
	}
	return nil, "", ""
}

// checkReadsBack warns of states that a table has for other systems and not for
// this one: nothing can be written for them there, so that what is in one of
// them on the other side is in none here.
func (l *loader) checkReadsBack(t *tableDecl, use tableUse) {
	if t.unmapped || len(t.made.values(use.of)) == 0 {
		return
	}
	for i := range t.made.States {
		s := &t.made.States[i]
		if len(s.Column(use.of)) > 0 {
			continue
		}
		for _, other := range t.uses {
			if other.of != use.of && len(s.Column(other.of)) > 0 {
				l.warn(t.placeOf(i, other.of), fmt.Sprintf("state %q of table %q has no value for %s", s.Label, t.made.Name, use.of),
					fmt.Sprintf("A record of %s that is in it leaves the other side as it is. Give the state a value there, or set unmapped.", other.of))
				break
			}
		}
	}
}

// placeOf is where a state has its first value for a collection's system.
func (t *tableDecl) placeOf(state int, of connectors.Collection) hcl.Range {
	for _, column := range []string{of.Connector, of.Type} {
		if at, ok := t.first[stateKey{column, state}]; ok {
			return at
		}
	}
	return t.at
}

// checkCoverage warns of known states that a table leaves out without saying
// what becomes of them.
func (l *loader) checkCoverage(t *tableDecl, use tableUse) {
	s := use.schema.State
	if t.unmapped || s == nil || s.Field != use.path {
		return
	}
	values := t.made.values(use.of)
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
	l.warn(t.at, fmt.Sprintf("state table %q leaves out states of %s.%s: %s", t.made.Name, use.of.Type, use.of.Record, strings.Join(missing, ", ")),
		`A record in one of these is left as it is. Give each a state, or say so: unmapped = "ignore", or "error" to be told.`)
}
