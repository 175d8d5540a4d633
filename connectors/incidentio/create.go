package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

const opCreate = "create"

// onceFor is how long an idempotency key of an incident is relied on. The vendor does
// not say how long it keeps one, nor what a later request may differ in.
const onceFor = time.Hour

// CreatesOnceFor reports that an incident is created once: its key is the idempotency
// key. Follow-ups have none.
func (c *Connector) CreatesOnceFor(collection connectors.Collection) time.Duration {
	if collection.Record == incidentRecord {
		return onceFor
	}
	return 0
}

// Create declares an incident, or adds a follow-up to one.
//
// An incident's key is the idempotency key of the request, and stands in the custom
// field of its name where the account has one. A follow-up's is one of its labels.
func (c *Connector) Create(ctx context.Context, draft connectors.Draft) (connectors.Record, error) {
	fields := maps.Clone(draft.Fields)
	// There is nothing yet that could be cleared.
	maps.DeleteFunc(fields, func(_ string, value any) bool { return values.Empty(value) })
	collection := draft.Collection
	if err := c.refuseUnwritable(opCreate, collection.String(), collection.Record, fields, atCreation); err != nil {
		return connectors.Record{}, err
	}
	switch collection.Record {
	case incidentRecord:
		return c.declare(ctx, draft, fields)
	case followUpRecord:
		return c.addFollowUp(ctx, draft, fields)
	}
	return connectors.Record{}, noRecordType(opCreate, collection.String())
}

// declare creates an incident. Who may see it is as the fields say, or else as it is
// with what it is declared for.
func (c *Connector) declare(ctx context.Context, draft connectors.Draft, fields map[string]any) (connectors.Record, error) {
	e := newEditing(c, opCreate, draft.Collection.String())
	if err := e.addAll(ctx, fields); err != nil {
		return connectors.Record{}, err
	}
	if e.body["visibility"] == nil {
		e.body["visibility"] = map[bool]string{false: "public", true: "private"}[draft.Private]
	}
	if err := e.addKey(ctx, draft.Key); err != nil {
		return connectors.Record{}, err
	}
	e.body["idempotency_key"] = draft.Key
	answer := transport.Envelope{Member: incidentRecord}
	if _, err := c.client.Do(ctx, transport.Request{
		Op: opCreate, Record: draft.Collection.String(), Method: http.MethodPost, Path: "/v2/incidents", JSON: e.body, Into: &answer,
	}); err != nil {
		if refused, ok := errors.AsType[*connectors.Error](err); ok {
			refused.Field = fieldOfChange(refused.Field, e.sent)
		}
		return connectors.Record{}, err
	}
	return c.made(draft.Collection, answer.Content())
}

// addKey writes the key into its custom field, if the account has it and this API key
// may list the fields.
func (e *editing) addKey(ctx context.Context, key string) error {
	field, _, err := e.connector.keyFieldOf(ctx, e.op)
	if err != nil {
		return connectors.NotSent(err)
	}
	if field.ID == "" {
		return nil
	}
	const list = "custom_field_entries"
	entries, _ := e.body[list].([]any)
	e.body[list] = append(entries, map[string]any{"custom_field_id": field.ID, "values": []any{map[string]any{"value_text": key}}})
	e.sent[customFieldsField] = append(e.sent[customFieldsField], customFieldsField+"/"+keyField)
	return nil
}

// made is the record in the answer to a creation. One that cannot be read was created
// all the same.
func (c *Connector) made(collection connectors.Collection, raw json.RawMessage) (connectors.Record, error) {
	var said struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &said); err != nil || said.ID == "" {
		return connectors.Record{}, connectors.MadeUnseen(&connectors.Error{
			Op: opCreate, Record: collection.String(), Message: "the answer does not name what was created", Own: true,
		}, connectors.Ref{})
	}
	ref := collection.Ref(said.ID)
	record, failure := c.recordIn(ref, raw)
	if failure != nil {
		failure.Op = opCreate
		return connectors.Record{}, connectors.MadeUnseen(failure, ref)
	}
	c.own.learn(creatorOf(record))
	record.Own = true
	return record, nil
}

// addFollowUp adds a follow-up to its incident. It is outstanding at first, whatever
// is asked for.
func (c *Connector) addFollowUp(ctx context.Context, draft connectors.Draft, fields map[string]any) (connectors.Record, error) {
	collection := draft.Collection
	body := map[string]any{}
	delete(fields, "status")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		member, value, err := c.followUpMember(ctx, opCreate, collection.String(), name, fields[name])
		if err != nil {
			return connectors.Record{}, err
		}
		body[member] = value
	}
	for _, needed := range []string{"incident_id", "title"} {
		if body[needed] == nil {
			return connectors.Record{}, connectors.Rejected(opCreate, collection.String(), needed, codeEmpty, "a follow-up cannot be created without it")
		}
	}
	labels, _ := body["labels"].([]any)
	body["labels"] = append(slices.Clone(labels), draft.Key)
	answer := transport.Envelope{Member: followUpRecord}
	if _, err := c.client.Do(ctx, transport.Request{
		Op: opCreate, Record: collection.String(), Method: http.MethodPost, Path: "/v3/follow_ups", JSON: body, Into: &answer,
	}); err != nil {
		return connectors.Record{}, err
	}
	record, err := c.made(collection, answer.Content())
	if err != nil {
		return connectors.Record{}, err
	}
	whole, err := c.withParent(ctx, record)
	if err != nil {
		return connectors.Record{}, connectors.MadeUnseen(err, record.Ref)
	}
	return whole, nil
}

// openedByUs says of a record that was read whether this API key created it.
func (c *Connector) openedByUs(ctx context.Context, record connectors.Record) (connectors.Record, error) {
	own, err := c.isOurs(ctx, creatorOf(record))
	if err != nil {
		return connectors.Record{}, err
	}
	record.Own = own
	return record, nil
}

// creatorOf is who created a record, as its fields say.
func creatorOf(record connectors.Record) (a actor) {
	creator := values.ObjectAt(record.Fields, "creator")
	for member, into := range map[string]**actorName{"user": &a.User, "api_key": &a.APIKey, "workflow": &a.Workflow, "alert": &a.Alert} {
		if one := values.ObjectAt(creator, member); one != nil {
			*into = &actorName{ID: values.TextAt(one, "id"), Name: values.TextAt(one, "name"), Email: values.TextAt(one, "email"), Title: values.TextAt(one, "title")}
		}
	}
	return a
}
