package servicenow

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// Create opens a record that carries the key and the stamp.
func (c *Connector) Create(ctx context.Context, draft connectors.Draft) (connectors.Record, error) {
	body, failure := c.body("create", draft.Collection.String(), draft.Fields)
	if failure == nil && !tableName.MatchString(draft.Collection.Record) {
		failure = connectors.Rejected("create", draft.Collection.String(), "", "invalid_table", draft.Collection.Record+" is not the name of a table")
	}
	if failure != nil {
		return connectors.Record{}, failure
	}
	body[keyColumn], body[stampColumn] = draft.Key, draft.Stamp
	made, at, err := c.write(ctx, transport.Request{
		Op: "create", Record: draft.Collection.String(),
		Method: http.MethodPost, Path: tableAPI + draft.Collection.Record, Query: plainValues(),
	}, body)
	if err != nil {
		return connectors.Record{}, err
	}
	record, err := c.record("create", draft.Collection, made)
	if err != nil { // it is there, and this user may not read it
		return connectors.Record{}, connectors.MadeUnseen(err, located(draft.Collection, at))
	}
	return record, nil
}

// located is the record that the Location of an answer names; the zero Ref where
// it names none.
func located(collection connectors.Collection, location string) connectors.Ref {
	_, path, found := strings.Cut(location, tableAPI+collection.Record+"/")
	ref := collection.Ref(path)
	if !found || checkRef("create", ref) != nil {
		return connectors.Ref{}
	}
	return ref
}

// Update writes the fields and the stamp, and of the transition fields those that the
// product makes mandatory in the state that is written.
func (c *Connector) Update(ctx context.Context, change connectors.Change) (connectors.Record, error) {
	if failure := checkRef("update", change.Ref); failure != nil {
		return connectors.Record{}, failure
	}
	body, failure := c.body("update", change.Ref.String(), change.Fields)
	if failure != nil {
		return connectors.Record{}, failure
	}
	onTransition, failure := c.body("update", change.Ref.String(), change.TransitionFields)
	if failure != nil {
		return connectors.Record{}, failure
	}
	for _, name := range mandatoryIn(change.Ref.Record, body["state"]) {
		if v, ok := onTransition[name]; ok && body[name] == "" {
			body[name] = v
		}
	}
	body[stampColumn] = change.Stamp
	written, _, err := c.write(ctx, transport.Request{
		Op: "update", Record: change.Ref.String(),
		Method: http.MethodPatch, Path: tableAPI + change.Ref.Record + "/" + url.PathEscape(change.Ref.ID), Query: plainValues(),
	}, body)
	if err != nil {
		return connectors.Record{}, err
	}
	return c.record("update", change.Ref.Collection, written)
}

// body writes fields as the wire has them. Lockstep's own columns are not
// taken from fields.
func (c *Connector) body(op, record string, fields map[string]any) (map[string]string, *connectors.Error) {
	body := make(map[string]string, len(fields)+2)
	for name, v := range fields {
		if v == nil || name == keyColumn || name == stampColumn {
			continue
		}
		s, err := wire(v)
		if err != nil {
			return nil, connectors.Rejected(op, record, name, "type", err.Error())
		}
		body[name] = s
	}
	return body, nil
}

// write sends columns, and returns the row of the answer with its Location.
func (c *Connector) write(ctx context.Context, r transport.Request, body map[string]string) (row, string, error) {
	r.Query.Set("sysparm_input_display_value", "false") // references by sys_id, times in UTC
	r.JSON = body
	var into result[row]
	r.Into = &into
	answer, err := c.do(ctx, r)
	if err != nil {
		if failure, ok := errors.AsType[*connectors.Error](err); ok {
			explainMandatory(failure, body)
		}
		return nil, "", err
	}
	return into.value, answer.Header.Get("Location"), nil
}

// FindUnkeyed lists what this user created at since or later and that holds no
// key: a column may be dropped at the insert without a word.
func (c *Connector) FindUnkeyed(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Record, error) {
	const op = "find"
	if !tableName.MatchString(collection.Record) {
		return nil, connectors.Rejected(op, collection.String(), "", "invalid_table", collection.Record+" is not the name of a table")
	}
	own, err := c.own(ctx)
	if err != nil {
		return nil, err
	}
	from := since.Add(-clockSkew).UTC().Format(timeLayout)
	where := "sys_created_on>=" + since.Add(-clockSkew-zoneMargin).UTC().Format(timeLayout) + "^" + keyColumn + "ISEMPTY"
	if queryable(own) {
		where += "^sys_created_by=" + own
	}
	var found []connectors.Record
	for r, err := range c.rows(ctx, query{op: op, record: collection.String(), table: collection.Record, limit: findPage, where: where + oldestFirst}) {
		if err != nil {
			return nil, err
		}
		if r.text("sys_created_on") < from || r.text(keyColumn) != "" || own != "" && !isUser(r.text("sys_created_by"), own) {
			continue // a condition was dropped
		}
		record, err := c.record(op, collection, r)
		if err != nil {
			return nil, err
		}
		record.CreatedBy = r.text("sys_created_by")
		found = append(found, record)
	}
	return found, nil
}

// zoneMargin is how far a moment in a query may be read too late: in the time zone of
// the user's profile, which may lie so far to the west.
const zoneMargin = 13 * time.Hour

// clockSkew is how far the instance's clock may be behind ours.
const clockSkew = 2 * time.Minute

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

// findPage is small: there is one record with a key, or none.
const findPage = 50
