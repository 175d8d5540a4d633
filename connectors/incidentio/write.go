package incidentio

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

const opUpdate = "update"

// Update writes fields that Resolve resolved, and no others.
//
// An incident is edited in one request, of which its channel is not told. A
// follow-up can only be put with its title and status: those of the two that
// are not written are carried along as they are read directly before, and with its
// labels the one that is lockstep's key. What
// somebody else does to them between that read and the write is undone; the
// API has no "only if unchanged". Everything else that is not written is
// left out of the request, which leaves it as it is.
//
// incident.io has no place for a stamp.
func (c *Connector) Update(ctx context.Context, change connectors.Change) (connectors.Record, error) {
	fields := maps.Clone(change.Fields)
	maps.DeleteFunc(fields, func(_ string, value any) bool { return value == nil })
	if err := addressable(change.Ref, opUpdate); err != nil {
		return connectors.Record{}, err
	}
	if err := c.refuseUnwritable(opUpdate, change.Ref.String(), change.Ref.Record, fields, later); err != nil {
		return connectors.Record{}, err
	}
	if len(fields) == 0 {
		return c.Read(ctx, change.Ref)
	}
	switch change.Ref.Record {
	case incidentRecord:
		return c.editIncident(ctx, change.Ref, fields)
	case followUpRecord:
		return c.putFollowUp(ctx, change.Ref, fields)
	}
	return connectors.Record{}, noRecordType(opUpdate, change.Ref.String())
}

// refuseUnwritable refuses fields that cannot be written on an occasion.
func (c *Connector) refuseUnwritable(op, record, kind string, fields map[string]any, when occasion) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if refused := resolve.RefusalIn(writable(c.schemas, kind, name, when)); refused != nil {
			return connectors.Rejected(op, record, name, refused.Code, refused.Message)
		}
	}
	return nil
}

func (c *Connector) editIncident(ctx context.Context, ref connectors.Ref, fields map[string]any) (connectors.Record, error) {
	e := newEditing(c, opUpdate, ref.String())
	if err := e.addAll(ctx, fields); err != nil {
		return connectors.Record{}, err
	}
	request := transport.Request{
		Method: http.MethodPost, Path: "/v2/incidents/" + url.PathEscape(ref.ID) + "/actions/edit",
		JSON: map[string]any{"incident": e.body, "notify_incident_channel": false},
	}
	record, err := c.write(ctx, ref, request)
	if refused, ok := errors.AsType[*connectors.Error](err); ok {
		refused.Field = fieldOfChange(refused.Field, e.sent)
	}
	return record, err
}

// An editing is what is written to an incident, as it is put together.
type editing struct {
	connector  *Connector
	op, record string // for errors
	body       map[string]any
	sent       map[string][]string // by map, the fields that the entries of its list come from
}

func newEditing(c *Connector, op, record string) *editing {
	return &editing{connector: c, op: op, record: record, body: map[string]any{}, sent: map[string][]string{}}
}

func (e *editing) addAll(ctx context.Context, fields map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := e.add(ctx, name, fields); err != nil {
			return err
		}
	}
	return nil
}

func (e *editing) add(ctx context.Context, name string, fields map[string]any) error {
	value := fields[name]
	field, entry, isEntry := strings.Cut(name, "/")
	switch {
	case isEntry:
		return e.addEntry(ctx, name, field, entry, value)
	case field == customFieldsField || field == rolesField || field == timestampsField:
		entries, ok := value.(map[string]any)
		if !ok {
			return e.refuse(name, codeType, "it takes a map by name")
		}
		for _, entry := range slices.Sorted(maps.Keys(entries)) {
			if _, given := fields[field+"/"+entry]; given || entries[entry] == nil {
				continue // what is named alone counts
			}
			if err := e.addEntry(ctx, name, field, entry, entries[entry]); err != nil {
				return err
			}
		}
		return nil
	}
	switch name {
	case "severity", "incident_type":
		return e.addID(ctx, name, name+"_id", directories()["incident/"+name], value)
	case statePath:
		return e.addID(ctx, name, "incident_status_id", directories()["incident/incident_status"], value)
	}
	e.body[name] = value
	return nil
}

func (e *editing) addID(ctx context.Context, name, member string, d directory, value any) error {
	found, err := e.find(ctx, name, d, value)
	if err == nil {
		e.body[member] = found.ID
	}
	return err
}

// addEntry adds one entry of a map to the list that the API takes in its place.
func (e *editing) addEntry(ctx context.Context, name, field, entry string, value any) error {
	of, err := e.find(ctx, name, directories()["incident/"+field], entry)
	if err != nil {
		return err
	}
	list, element := "", map[string]any{}
	switch field {
	case customFieldsField:
		list, element["custom_field_id"] = "custom_field_entries", of.ID
		if element["values"], err = e.customValues(ctx, name, of, value); err != nil {
			return err
		}
	case rolesField:
		list, element["incident_role_id"] = "incident_role_assignments", of.ID
		if !values.Empty(value) { // without an assignee, nobody has it
			element["assignee"] = map[string]any{"id": value}
		}
	case timestampsField:
		list, element["incident_timestamp_id"] = "incident_timestamp_values", of.ID
		if at, ok := value.(time.Time); ok {
			element["value"] = at.UTC().Format(time.RFC3339Nano)
		}
	}
	entries, _ := e.body[list].([]any)
	e.body[list] = append(entries, element)
	e.sent[field] = append(e.sent[field], name)
	return nil
}

// customValues are a custom field's values as the API takes them; none clears
// it.
func (e *editing) customValues(ctx context.Context, name string, field named, value any) ([]any, error) {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	values := []any{}
	for _, one := range list {
		text, ok := connectors.TextOf(one)
		switch {
		case !ok:
			return nil, e.refuse(name, codeType, "it cannot hold this kind of value")
		case text == "":
			continue
		}
		switch field.FieldType {
		case "text":
			values = append(values, map[string]any{"value_text": text})
		case "link":
			values = append(values, map[string]any{"value_link": text})
		case "numeric":
			values = append(values, map[string]any{"value_numeric": text})
		case singleSelect, multiSelect:
			option, err := e.find(ctx, name, optionsOf(field), text)
			if err != nil {
				return nil, err
			}
			member := "value_option_id"
			if field.CatalogType != "" {
				member = "value_catalog_entry_id"
			}
			values = append(values, map[string]any{member: option.ID})
		default:
			return nil, e.refuse(name, codeType, "custom fields of the type "+strconv.Quote(field.FieldType)+" cannot be written")
		}
	}
	return values, nil
}

func (e *editing) refuse(field, code, message string) error {
	return connectors.Rejected(e.op, e.record, field, code, message)
}

func (e *editing) find(ctx context.Context, field string, d directory, value any) (named, error) {
	return e.connector.nameOf(ctx, e.op, e.record, field, d, value)
}

// nameOf finds what Resolve found, which as a rule asks nothing.
func (c *Connector) nameOf(ctx context.Context, op, record, field string, d directory, value any) (named, error) {
	text, _ := value.(string)
	found, err := c.find(ctx, d, text, cache.AnyAge)
	if refused := resolve.RefusalIn(err); refused != nil {
		return named{}, connectors.Rejected(op, record, field, refused.Code, refused.Message)
	}
	return found, connectors.NotSent(err)
}

func (c *Connector) putFollowUp(ctx context.Context, ref connectors.Ref, fields map[string]any) (connectors.Record, error) {
	body := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		member, value, err := c.followUpMember(ctx, opUpdate, ref.String(), name, fields[name])
		if err != nil {
			return connectors.Record{}, err
		}
		body[member] = value
	}
	labels, labelled := body["labels"].([]any)
	if body["title"] == nil || body["status"] == nil || labelled {
		now, err := c.readFollowUpAlone(ctx, ref)
		if err != nil {
			return connectors.Record{}, connectors.NotSent(err)
		}
		for _, carried := range []string{"title", "status"} {
			if body[carried] == nil {
				body[carried] = values.TextAt(now.Fields, carried)
			}
		}
		if labelled && now.Key != "" {
			body["labels"] = append(slices.Clone(labels), now.Key)
		}
	}
	record, err := c.write(ctx, ref, transport.Request{
		Method: http.MethodPut, Path: "/v3/follow_ups/" + url.PathEscape(ref.ID), JSON: body,
	})
	if err != nil {
		return connectors.Record{}, err
	}
	// Whether it is private only its incident says. Where that cannot be read,
	// the outcome of the write is unknown.
	whole, err := c.withParent(ctx, record)
	if err != nil {
		return connectors.Record{}, &connectors.Error{
			Class: connectors.ClassUnclear, Op: opUpdate, Record: ref.String(),
			Message: "it was written, and then its incident could not be read", Err: err,
		}
	}
	return whole, nil
}

// followUpMember is a field as the API takes it.
func (c *Connector) followUpMember(ctx context.Context, op, record, name string, value any) (string, any, error) {
	switch name {
	case "assignee":
		if values.Empty(value) {
			return "assignee_id", nil, nil
		}
		return "assignee_id", value, nil
	case "assignee_team":
		if values.Empty(value) {
			return "assignee_team_id", nil, nil
		}
		team, err := c.nameOf(ctx, op, record, name, directories()["follow_up/assignee_team"], value)
		return "assignee_team_id", team.ID, err
	case "priority":
		priority, err := c.nameOf(ctx, op, record, name, priorities(), value)
		return "follow_up_priority_option_id", priority.ID, err
	case "labels":
		if values.Empty(value) {
			return name, []any{}, nil
		}
	}
	return name, value, nil
}

// write sends a request and reads the record in its answer. An answer that
// cannot be read leaves open what became of the write.
func (c *Connector) write(ctx context.Context, ref connectors.Ref, request transport.Request) (connectors.Record, error) {
	answer := transport.Envelope{Member: ref.Record}
	request.Op, request.Record, request.Into = opUpdate, ref.String(), &answer
	if _, err := c.client.Do(ctx, request); err != nil {
		return connectors.Record{}, err
	}
	record, failure := c.recordIn(ref, answer.Content())
	if failure != nil {
		failure.Op, failure.Class = opUpdate, connectors.ClassUnclear
		return asRecord(record, failure)
	}
	if known, err := c.openedByUs(ctx, record); err == nil { // else it says nothing
		record = known
	}
	return record, nil
}
