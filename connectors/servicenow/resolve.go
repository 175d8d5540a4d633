package servicenow

import (
	"context"
	"maps"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Resolve turns rendered values into what the columns will hold. A look-up that
// fails for want of an answer fails the whole.
func (c *Connector) Resolve(ctx context.Context, record string, fields map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	schema, ok := c.schemas.of(record)
	if !ok {
		return nil, nil, rejected("resolve", record, "", "invalid_table", record+" is not the name of a table")
	}
	resolved := make(map[string]any, len(fields))
	failed := map[string]*connectors.Error{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		v, failure, err := c.resolve(ctx, record, name, schema.Fields[name], fields[name])
		switch {
		case err != nil:
			return nil, nil, err
		case failure != nil:
			failed[name] = failure
		default:
			resolved[name] = v
		}
	}
	return resolved, failed, nil
}

func (c *Connector) resolve(ctx context.Context, record, name string, f connectors.Field, v any) (any, *connectors.Error, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil, nil
	case connectors.Lookup:
		return c.resolveLookup(ctx, record, name, f, x)
	case *connectors.Lookup:
		if x == nil {
			return nil, nil, nil
		}
		return c.resolveLookup(ctx, record, name, f, *x)
	case []any:
		list, failure, err := c.resolveElements(ctx, record, name, x)
		if failure != nil || err != nil {
			return nil, failure, err
		}
		v = list
	}
	converted, err := convert(f, v)
	if err != nil {
		return nil, rejected("resolve", record, name, "type", err.Error()), nil
	}
	return converted, nil, nil
}

func (c *Connector) resolveLookup(ctx context.Context, record, name string, f connectors.Field, l connectors.Lookup) (any, *connectors.Error, error) {
	id, failure, err := c.lookup(ctx, record, name, l)
	if id != nil && f.Type.Kind == connectors.List {
		id = []any{id}
	}
	return id, failure, err
}

// resolveElements looks up the elements of a list that are look-ups; those
// that come to nothing are left out.
func (c *Connector) resolveElements(ctx context.Context, record, name string, list []any) ([]any, *connectors.Error, error) {
	resolved := make([]any, 0, len(list))
	for _, element := range list {
		var l connectors.Lookup
		switch x := element.(type) {
		case nil:
			continue
		case connectors.Lookup:
			l = x
		case *connectors.Lookup:
			l = *x
		default:
			resolved = append(resolved, element)
			continue
		}
		id, failure, err := c.lookup(ctx, record, name, l)
		if failure != nil || err != nil {
			return nil, failure, err
		}
		if id != nil {
			resolved = append(resolved, id)
		}
	}
	return resolved, nil, nil
}

// Same compares a resolved value with a record's.
func (c *Connector) Same(record, field string, want, have any) bool {
	schema, ok := c.schemas.of(record)
	if !ok {
		return false
	}
	return same(schema.Fields[field], want, have)
}
