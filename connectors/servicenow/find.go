package servicenow

import (
	"context"
	"regexp"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// columnName is how ServiceNow names columns, with the columns of references
// after a dot.
var columnName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

// queryable reports whether a value can stand in an encoded query. A "^" would
// end the condition and begin another, and "javascript:" would be run.
func queryable(value string) bool {
	return value != "" && !strings.ContainsAny(value, "^\r\n") &&
		!strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "javascript:")
}

// FindByKey looks the key up, through all pages, oldest first. A condition on a
// column that the instance does not know is dropped and the query then returns
// other records, so each row is looked at again.
func (c *Connector) FindByKey(ctx context.Context, collection connectors.Collection, key string) ([]connectors.Record, error) {
	const op = "find"
	if !tableName.MatchString(collection.Record) {
		return nil, connectors.Rejected(op, collection.String(), "", "invalid_table", collection.Record+" is not the name of a table")
	}
	if !queryable(key) {
		return nil, connectors.Rejected(op, collection.String(), keyColumn, "key", "the key cannot stand in a query")
	}
	var found []connectors.Record
	for r, err := range c.rows(ctx, query{
		op: op, record: collection.String(), table: collection.Record, limit: findPage,
		where: keyColumn + "=" + key + oldestFirst,
	}) {
		if err != nil {
			return nil, err
		}
		if _, known := r[keyColumn]; !known {
			return nil, connectors.Rejected(op, collection.String(), keyColumn, "no_key_column",
				"the table has no "+keyColumn+", or the integration user may not read it, so lockstep could not tell its own tickets")
		}
		if r.text(keyColumn) != key {
			continue
		}
		record, err := c.record(op, collection, r)
		if err != nil {
			return nil, err
		}
		record.CreatedBy = r.text("sys_created_by")
		found = append(found, record)
	}
	if len(found) == 0 {
		return nil, nil
	}
	own, err := c.own(ctx)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].Foreign = !isUser(found[i].CreatedBy, own)
	}
	return found, nil
}

const oldestFirst = "^ORDERBYsys_created_on^ORDERBYsys_id"

// findPage is small: there is one record with a key, or none.
const findPage = 50
