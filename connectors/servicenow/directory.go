package servicenow

import (
	"context"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
)

// A lookupKey is one question.
type lookupKey struct{ table, column, value string }

// find answers which record of a table has the value in the column. The error
// is a failure that says nothing about the value.
func (c *Connector) find(ctx context.Context, k lookupKey) (resolve.Found, error) {
	return c.found.Fetch(k, func() (resolve.Found, error) { return c.ask(ctx, k) })
}

// ask looks for one active record. Each row is looked at again, for a condition
// on a column that the instance does not know is dropped.
func (c *Connector) ask(ctx context.Context, k lookupKey) (resolve.Found, error) {
	const limit = 20
	q := query{op: "lookup", record: c.name + "." + k.table, table: k.table, where: k.column + "=" + k.value, fields: "sys_id," + k.column, limit: limit}
	if hasActive(k.table) {
		q.where += "^active=true"
		q.fields += ",active"
	}
	q.where += "^ORDERBYsys_id"
	var ids []string
	noColumn, others := false, 0
	for r, err := range c.rows(ctx, q) {
		if connectors.IsRefusal(err) {
			return resolve.NotFound("the integration user may not read %s, or there is no such table", k.table), nil
		}
		if err != nil {
			return resolve.Found{}, err
		}
		_, known := r[k.column]
		id := r.text("sys_id")
		switch {
		case !known:
			noColumn = true
		case !strings.EqualFold(strings.TrimSpace(r.text(k.column)), k.value):
			others++
		case r.text("active") != "false" && id != "" && !slices.Contains(ids, id):
			ids = append(ids, id)
		}
		// Rows that do not match mean that the condition was dropped: the rest
		// of the table holds no answer that could be trusted.
		if noColumn || others == limit || len(ids) > 1 {
			break
		}
	}
	if noColumn && len(ids) < 2 {
		return resolve.NotFound("%s has no %s, or the integration user may not read it", k.table, k.column), nil
	}
	return resolve.OneOf(ids,
		"no active record of "+k.table+" has this "+k.column, "more than one active record of "+k.table+" has this "+k.column), nil
}

// lookup follows ref(KEY, VALUE, FALLBACK) to a sys_id; nil leaves the field
// alone.
func (c *Connector) lookup(ctx context.Context, record, field string, l connectors.Lookup) (any, error) {
	table, err := c.referenceTable(ctx, record, field)
	if err != nil {
		return nil, err
	}
	return resolve.Lookup(l, func(column, text string) (resolve.Found, error) {
		switch {
		case !columnName.MatchString(column):
			return resolve.NotFound("%s is not the name of a column", column), nil
		case !queryable(text):
			return resolve.NotFound("the %s holds ^, a line break or a script, which a query cannot hold", column), nil
		}
		return c.find(ctx, lookupKey{table: table, column: column, value: text})
	})
}

// referenceTable is the table that a reference field points to: known for the
// product's own columns, else asked of the instance's dictionary.
func (c *Connector) referenceTable(ctx context.Context, record, field string) (string, error) {
	if schema, ok := c.schemas.of(record); ok {
		if f, listed := schema.Fields[field]; listed && referenceTables[field] == "" {
			return "", resolve.Refuse(resolve.CodeType, "it is not a reference (%s), so ref() does not fit it", f.Type.Kind)
		}
	}
	if table := referenceTables[field]; table != "" {
		return table, nil
	}
	if !columnName.MatchString(field) {
		return "", resolve.Refuse(resolve.CodeType, "it is not the name of a column")
	}
	k := lookupKey{table: "sys_dictionary", column: record, value: field}
	table, err := c.found.Fetch(k, func() (resolve.Found, error) { return c.dictionaryReference(ctx, record, field) })
	if err == nil && table.Missing() {
		err = resolve.Refuse(table.Code, table.Message)
	}
	return table.ID, err
}

// isDate reports whether a column that only the instance knows holds a date without
// a time; where its dictionary cannot be read, none does.
func (c *Connector) isDate(ctx context.Context, record, field string) (bool, error) {
	if !columnName.MatchString(field) {
		return false, nil
	}
	k := lookupKey{table: "sys_dictionary", column: record + " type", value: field}
	kind, err := c.found.Fetch(k, func() (resolve.Found, error) {
		columns, err := c.dictionary(ctx, record, []string{field})
		if err != nil && !connectors.IsRefusal(err) {
			return resolve.Found{}, err
		}
		return resolve.Found{ID: columns[field].kind}, nil
	})
	return kind.ID == "glide_date", err
}

// dictionaryReference asks the dictionary where a column points to.
func (c *Connector) dictionaryReference(ctx context.Context, record, field string) (resolve.Found, error) {
	columns, err := c.dictionary(ctx, record, []string{field})
	if err != nil && !connectors.IsRefusal(err) {
		return resolve.Found{}, err
	}
	if table := columns[field].reference; tableName.MatchString(table) {
		return resolve.Found{ID: table}, nil
	}
	return resolve.Found{
		Code:    resolve.CodeType,
		Message: "sys_dictionary does not say which table it refers to (it is not a reference, or the integration user may not read sys_dictionary); write the sys_id in place of ref()",
	}, nil
}
