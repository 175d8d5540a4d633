package servicenow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
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
	byTable := map[string][]connectors.Use{}
	for _, u := range uses {
		if tableName.MatchString(u.Record) && columnName.MatchString(u.Field) {
			byTable[u.Record] = append(byTable[u.Record], u)
		}
	}
	var advice []connectors.Advice
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		fields, err := c.adviseFields(ctx, table, byTable[table])
		if err != nil {
			return nil, err
		}
		choices, err := c.adviseChoices(ctx, table, byTable[table])
		if err != nil {
			return nil, err
		}
		advice = append(append(advice, fields...), choices...)
	}
	return advice, nil
}

func (c *Connector) adviseFields(ctx context.Context, table string, uses []connectors.Use) ([]connectors.Advice, error) {
	names := []string{everyTable}
	for _, u := range uses {
		name, _, _ := strings.Cut(u.Field, ".")
		names = append(names, name)
	}
	columns, err := c.dictionary(ctx, table, names)
	if connectors.IsRefusal(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, readable := columns[everyTable]; !readable {
		return nil, nil
	}
	var advice []connectors.Advice
	said := map[string]bool{}
	for i, u := range uses {
		if _, there := columns[names[i+1]]; there || said[u.Field] {
			continue
		}
		said[u.Field] = true
		advice = append(advice, connectors.Advice{
			Use:     u,
			Message: fmt.Sprintf("%s has no column %s on this instance; ServiceNow drops such a field without an error", table, u.Field),
		})
	}
	return advice, nil
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

func (c *Connector) adviseChoices(ctx context.Context, table string, uses []connectors.Use) ([]connectors.Advice, error) {
	var names []string
	for _, u := range uses {
		if len(u.Values) > 0 {
			names = append(names, u.Field)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	tables, err := c.lineage(ctx, table)
	if err != nil {
		return nil, err
	}
	lists, err := c.choices(ctx, tables, values.Unique(names))
	if connectors.IsRefusal(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	schema, _ := c.schemas.of(table)
	var advice []connectors.Advice
	for _, u := range uses {
		list := lists[u.Field]
		if len(list) == 0 {
			continue // no choice list, or one that the user may not read
		}
		for _, v := range u.Values {
			text, err := values.Text(v)
			if err != nil || text == "" {
				continue
			}
			message := ""
			if !list.takes(text, schema.Fields[u.Field].Type.Kind == connectors.Int) {
				message = fmt.Sprintf("it is not in the instance's choice list of %s.%s, which has %s", table, u.Field, list)
			} else {
				message = list.misplaced(u.Field, text, uses)
			}
			if message != "" {
				advice = append(advice, connectors.Advice{Use: u, Value: v, Message: message})
			}
		}
	}
	return advice, nil
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
func (l choiceList) misplaced(field, value string, uses []connectors.Use) string {
	other := dependsOn[field]
	var belongs, written []string
	for _, c := range l {
		if c.value == value {
			belongs = append(belongs, c.of)
		}
	}
	for _, u := range uses {
		if u.Field != other {
			continue
		}
		for _, v := range u.Values {
			if text, err := values.Text(v); err == nil && text != "" {
				written = append(written, text)
			}
		}
	}
	fits := slices.ContainsFunc(belongs, func(of string) bool { return of == "" || slices.Contains(written, of) })
	if other == "" || len(written) == 0 || len(belongs) == 0 || fits {
		return ""
	}
	return fmt.Sprintf("it belongs to the %s %s, and what is written there is %s", other, strings.Join(values.Unique(belongs), " or "), strings.Join(values.Unique(written), " or "))
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
