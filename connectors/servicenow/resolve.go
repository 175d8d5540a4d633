package servicenow

import (
	"context"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
)

// Resolve turns rendered values into what the columns will hold. A look-up that
// fails for want of an answer fails the whole.
func (c *Connector) Resolve(ctx context.Context, record string, fields map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	schema, ok := c.schemas.of(record)
	if !ok {
		return nil, nil, connectors.Rejected("resolve", record, "", "invalid_table", record+" is not the name of a table")
	}
	return resolve.Fields(record, fields, func(name string, v any) (any, error) {
		f := schema.Fields[name]
		v, err := resolve.Lookups(v, f.Type.Kind == connectors.List, func(l connectors.Lookup) (any, error) { return c.lookup(ctx, record, name, l) })
		if err != nil || v == nil {
			return nil, err
		}
		if at, ok := v.(time.Time); ok && f.Type.Kind == connectors.Any {
			if date, err := c.isDate(ctx, record, name); err != nil || date {
				return at.UTC().Format(time.DateOnly), err
			}
		}
		converted, err := convert(f, v)
		return converted, resolve.Mistyped(err)
	})
}

// Same compares a resolved value with a record's.
func (c *Connector) Same(record, field string, want, have any) bool {
	schema, ok := c.schemas.of(record)
	if !ok {
		return false
	}
	return same(schema.Fields[field], want, have)
}
