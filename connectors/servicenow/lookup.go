package servicenow

import (
	"context"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// A lookupKey is one question.
type lookupKey struct{ table, column, value string }

// A lookupAnswer is the record that was found. Without an id, reason says why.
type lookupAnswer struct {
	id     string
	reason string // "ref_not_found" or "ref_ambiguous"
	detail string
}

// find answers which record of a table has the value in the column. The error
// is a failure that says nothing about the value.
func (c *Connector) find(ctx context.Context, k lookupKey) (lookupAnswer, error) {
	return c.found.Fetch(k, func() (lookupAnswer, error) { return c.ask(ctx, k) })
}

// ask looks for one active record. Each row is looked at again, for a condition
// on a column that the instance does not know is dropped.
func (c *Connector) ask(ctx context.Context, k lookupKey) (lookupAnswer, error) {
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
		if unreadable(err) {
			return lookupAnswer{reason: "ref_not_found", detail: "the integration user may not read " + k.table + ", or there is no such table"}, nil
		}
		if err != nil {
			return lookupAnswer{}, err
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
	switch {
	case len(ids) == 1 && !noColumn:
		return lookupAnswer{id: ids[0]}, nil
	case len(ids) > 1:
		return lookupAnswer{reason: "ref_ambiguous", detail: "more than one active record of " + k.table + " has this " + k.column}, nil
	case noColumn:
		return lookupAnswer{reason: "ref_not_found", detail: k.table + " has no " + k.column + ", or the integration user may not read it"}, nil
	default:
		return lookupAnswer{reason: "ref_not_found", detail: "no active record of " + k.table + " has this " + k.column}, nil
	}
}

// lookup follows ref(KEY, VALUE, FALLBACK) to a sys_id; nil leaves the field
// alone.
func (c *Connector) lookup(ctx context.Context, record, field string, l connectors.Lookup) (any, *connectors.Error, error) {
	table, failure, err := c.referenceTable(ctx, record, field)
	if failure != nil || err != nil {
		return nil, failure, err
	}
	for {
		answer, err := c.lookupOne(ctx, table, l)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case answer.id != "":
			return answer.id, nil, nil
		case l.Fallback != nil:
			l = *l.Fallback
		case l.HasFallback:
			return nil, nil, nil
		default:
			return nil, rejected("resolve", record, field, answer.reason, answer.detail), nil
		}
	}
}

func (c *Connector) lookupOne(ctx context.Context, table string, l connectors.Lookup) (lookupAnswer, error) {
	value, err := values.Text(l.Value)
	isText := err == nil
	value = strings.TrimSpace(value)
	switch {
	case !isText:
		return lookupAnswer{reason: "ref_not_found", detail: "the " + l.Key + " is not text"}, nil
	case value == "":
		return lookupAnswer{reason: "ref_not_found", detail: "the " + l.Key + " to look for is empty"}, nil
	case !columnName.MatchString(l.Key):
		return lookupAnswer{reason: "ref_not_found", detail: l.Key + " is not the name of a column"}, nil
	case !queryable(value):
		return lookupAnswer{reason: "ref_not_found", detail: "the " + l.Key + " holds ^, a line break or a script, which a query cannot hold"}, nil
	}
	return c.find(ctx, lookupKey{table: table, column: l.Key, value: value})
}

// referenceTable is the table that a reference field points to: known for the
// product's own columns, else asked of the instance's dictionary.
func (c *Connector) referenceTable(ctx context.Context, record, field string) (string, *connectors.Error, error) {
	if schema, ok := c.schemas.of(record); ok {
		if f, listed := schema.Fields[field]; listed && referenceTables[field] == "" {
			return "", rejected("resolve", record, field, "type", "it is no reference ("+f.Type.Kind.String()+"), so ref() does not fit it"), nil
		}
	}
	if table := referenceTables[field]; table != "" {
		return table, nil, nil
	}
	if !columnName.MatchString(field) {
		return "", rejected("resolve", record, field, "type", "it is not the name of a column"), nil
	}
	k := lookupKey{table: "sys_dictionary", column: record, value: field}
	answer, err := c.found.Fetch(k, func() (lookupAnswer, error) { return c.dictionaryReference(ctx, record, field) })
	if err != nil {
		return "", nil, err
	}
	if answer.id == "" {
		return "", rejected("resolve", record, field, answer.reason, answer.detail), nil
	}
	return answer.id, nil, nil
}

// dictionaryReference asks the dictionary where a column points to.
func (c *Connector) dictionaryReference(ctx context.Context, record, field string) (lookupAnswer, error) {
	columns, err := c.dictionary(ctx, record, []string{field})
	if err != nil && !unreadable(err) {
		return lookupAnswer{}, err
	}
	if table := columns[field].reference; tableName.MatchString(table) {
		return lookupAnswer{id: table}, nil
	}
	return lookupAnswer{
		reason: "type",
		detail: "sys_dictionary does not say which table it refers to (it is no reference, or the integration user may not read sys_dictionary); write the sys_id in place of ref()",
	}, nil
}
