package servicenow

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/advice"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// A dictionaryColumn is what sys_dictionary says of a column.
type dictionaryColumn struct{ reference, kind string }

// everyTable is a column that every table has. Where the dictionary does not
// show it, the user may not read the dictionary.
const everyTable = "sys_updated_on"

const dictionaryPage = 1000

// Advise compares what a configuration relies on with the instance's
// dictionary and choice lists. What the user may not read is not advised on.
func (c *Connector) Advise(ctx context.Context, uses []connectors.Use) ([]connectors.Advice, error) {
	uses = slices.DeleteFunc(slices.Clone(uses), func(u connectors.Use) bool {
		return !tableName.MatchString(u.Record) || !columnName.MatchString(u.Field)
	})
	a := adviser{c, uses, advice.Once[string, map[string]dictionaryColumn]{}, advice.Once[string, map[string]choiceList]{}}
	return advice.Compare(ctx, uses,
		advice.Kind{Names: columnOf, Check: a.column},
		advice.Kind{Names: advice.Literals, Check: a.choice})
}

// An adviser asks the dictionary and the choice lists once for each table.
type adviser struct {
	c       *Connector
	uses    []connectors.Use
	columns advice.Once[string, map[string]dictionaryColumn]
	choices advice.Once[string, map[string]choiceList]
}

// columnOf is the column that a use is about, or leads through.
func columnOf(use connectors.Use) []advice.Name {
	name, _, _ := strings.Cut(use.Field, ".")
	return []advice.Name{{Text: name}}
}

// of are the columns of a table that are used, or of which a value is written.
func (a adviser) of(table string, written bool) []string {
	var names []string
	for _, u := range a.uses {
		switch {
		case u.Record != table || written && len(u.Values) == 0:
		case written:
			names = append(names, u.Field)
		default:
			names = append(names, columnOf(u)[0].Text)
		}
	}
	return values.Unique(names)
}

func (a adviser) column(ctx context.Context, use connectors.Use, name advice.Name) (string, error) {
	columns, err := a.columns.Get(use.Record, func() (map[string]dictionaryColumn, error) {
		return a.c.dictionary(ctx, use.Record, append(a.of(use.Record, false), everyTable))
	})
	_, readable := columns[everyTable]
	if _, there := columns[name.Text]; there || !readable || err != nil {
		return "", err
	}
	return fmt.Sprintf("%s has no column %s on this instance; ServiceNow drops such a field without an error", use.Record, use.Field), nil
}

func (a adviser) choice(ctx context.Context, use connectors.Use, name advice.Name) (string, error) {
	lists, err := a.choices.Get(use.Record, func() (map[string]choiceList, error) {
		tables, err := a.c.lineage(ctx, use.Record)
		if err != nil {
			return nil, err
		}
		return a.c.choices(ctx, tables, a.of(use.Record, true))
	})
	list := lists[use.Field]
	if err != nil || len(list) == 0 {
		return "", err // no choice list, or one that the user may not read
	}
	schema, _ := a.c.schemas.of(use.Record)
	if !list.takes(name.Text, schema.Fields[use.Field].Type.Kind == connectors.Int) {
		return fmt.Sprintf("it is not in the instance's choice list of %s.%s, which has %s%s", use.Record, use.Field, list, list.near(name.Text)), nil
	}
	var written []string
	for _, u := range a.uses {
		if u.Record == use.Record && u.Field == dependsOn[use.Field] {
			for _, other := range advice.Literals(u) {
				written = append(written, other.Text)
			}
		}
	}
	return list.misplaced(use.Field, name.Text, written), nil
}

// dictionary reads what sys_dictionary says of columns of a table and of the
// tables it extends.
func (c *Connector) dictionary(ctx context.Context, table string, names []string) (map[string]dictionaryColumn, error) {
	tables, err := c.lineage(ctx, table)
	if err != nil {
		return nil, err
	}
	q := query{
		op: "advise", record: c.name + ".sys_dictionary", table: "sys_dictionary", fields: "sys_id,name,element,internal_type,reference", limit: dictionaryPage,
		where: "nameIN" + strings.Join(tables, ",") + "^elementIN" + strings.Join(values.Unique(names), ",") + "^ORDERBYsys_id",
	}
	columns := map[string]dictionaryColumn{}
	for r, err := range c.rows(ctx, q) {
		if err != nil {
			return nil, err
		}
		if !slices.Contains(tables, r.text("name")) {
			continue // the condition was dropped
		}
		name := r.text("element")
		if seen, ok := columns[name]; !ok || seen.reference == "" {
			columns[name] = dictionaryColumn{reference: r.text("reference"), kind: r.text("internal_type")}
		}
	}
	return columns, nil
}

// lineage is a table and those it extends, nearest first.
func (c *Connector) lineage(ctx context.Context, table string) ([]string, error) {
	if table == "task" {
		return []string{"task"}, nil
	}
	if slices.Contains(taskTables, table) {
		return []string{table, "task"}, nil
	}
	tables := []string{table}
	for len(tables) < 10 { // ServiceNow's tables extend a few levels deep
		rows, _, err := c.first(ctx, query{
			op: "advise", record: c.name + ".sys_db_object", table: "sys_db_object",
			where: "name=" + tables[len(tables)-1], fields: "name,super_class.name", limit: 1,
		})
		if connectors.IsRefusal(err) {
			return tables, nil
		}
		if err != nil {
			return nil, err
		}
		parent := ""
		if len(rows) == 1 && rows[0].text("name") == tables[len(tables)-1] {
			parent = rows[0].text("super_class.name")
		}
		if !tableName.MatchString(parent) || slices.Contains(tables, parent) {
			break
		}
		tables = append(tables, parent)
	}
	return tables, nil
}

// A choiceList is a column's choices, in their order.
type choiceList []choiceOf

// A choiceOf is one choice. of is the value of another column that it belongs to;
// "": it does not depend on one.
type choiceOf struct{ value, label, of string }

// dependsOn are the columns on whose value the choices of others depend.
var dependsOn = map[string]string{"subcategory": "category"}

// misplaced says that a choice belongs to values of another column none of which
// is written anywhere; "": it is not so, or nothing tells.
func (l choiceList) misplaced(field, value string, written []string) string {
	var belongs []string
	for _, c := range l {
		if c.value == value {
			belongs = append(belongs, c.of)
		}
	}
	fits := slices.ContainsFunc(belongs, func(of string) bool { return of == "" || slices.Contains(written, of) })
	if len(written) == 0 || len(belongs) == 0 || fits {
		return ""
	}
	return fmt.Sprintf("it belongs to the %s %s, and what is written there is %s",
		dependsOn[field], strings.Join(values.Unique(belongs), " or "), strings.Join(values.Unique(written), " or "))
}

// near asks whether another choice was meant; "": none is near.
func (l choiceList) near(value string) string {
	var known []string
	for _, c := range l {
		known = append(known, c.value)
	}
	if near := nearest.Name(value, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// takes reports whether a value is in the list; a number may be given by its
// label.
func (l choiceList) takes(s string, byLabel bool) bool {
	return slices.ContainsFunc(l, func(c choiceOf) bool {
		return c.value == s || byLabel && (strings.EqualFold(c.label, s) || strings.EqualFold(c.value+" - "+c.label, s))
	})
}

func (l choiceList) String() string {
	parts := make([]string, len(l))
	for i, c := range l {
		parts[i] = c.value
		if c.label != c.value {
			parts[i] += " (" + c.label + ")"
		}
	}
	return strings.Join(parts, ", ")
}

// choices reads choice lists. A table's own list takes the place of the one of
// the table it extends.
func (c *Connector) choices(ctx context.Context, tables, names []string) (map[string]choiceList, error) {
	q := query{
		op: "advise", record: c.name + ".sys_choice", table: "sys_choice", fields: "sys_id,name,element,value,label,inactive,dependent_value", limit: dictionaryPage,
		where: "nameIN" + strings.Join(tables, ",") + "^elementIN" + strings.Join(names, ",") + "^inactive=false^ORDERBYsequence^ORDERBYsys_id",
	}
	found := map[string]map[string]choiceList{} // by column, then table
	for r, err := range c.rows(ctx, q) {
		if err != nil {
			return nil, err
		}
		table, column := r.text("name"), r.text("element")
		if !slices.Contains(tables, table) || !slices.Contains(names, column) || r.text("inactive") == "true" {
			continue
		}
		if found[column] == nil {
			found[column] = map[string]choiceList{}
		}
		choice := choiceOf{r.text("value"), r.text("label"), r.text("dependent_value")}
		if !slices.Contains(found[column][table], choice) { // once per language
			found[column][table] = append(found[column][table], choice)
		}
	}
	lists := map[string]choiceList{}
	for column, byTable := range found {
		for _, table := range tables {
			if list := byTable[table]; len(list) > 0 {
				lists[column] = list
				break
			}
		}
	}
	return lists, nil
}
