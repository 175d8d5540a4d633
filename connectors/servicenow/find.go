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
		return nil, rejected(op, collection.String(), "", "invalid_table", collection.Record+" is not the name of a table")
	}
	if !queryable(key) {
		return nil, rejected(op, collection.String(), keyColumn, "key", "the key cannot stand in a query")
	}
	query := keyColumn + "=" + key + "^ORDERBYsys_created_on^ORDERBYsys_id"
	var found []connectors.Record
	seen := map[string]bool{}
	for offset := 0; ; offset += findPage {
		page, err := c.page(ctx, op, collection.String(), collection.Record, query, "", offset, findPage)
		if err != nil {
			return nil, err
		}
		for _, r := range page.rows {
			if _, known := r[keyColumn]; !known {
				return nil, rejected(op, collection.String(), keyColumn, "no_key_column",
					"the table has no "+keyColumn+", or the integration user may not read it, so lockstep could not tell its own tickets")
			}
			if id := r.text("sys_id"); r.text(keyColumn) != key || seen[id] {
				continue
			}
			record, err := c.record(op, collection, r)
			if err != nil {
				return nil, err
			}
			seen[record.Ref.ID] = true
			record.CreatedBy = r.text("sys_created_by")
			found = append(found, record)
		}
		if !page.more {
			break
		}
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

// findPage is small: there is one record with a key, or none.
const findPage = 50
