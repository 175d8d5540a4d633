package jira

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// Marks of lockstep in an issue. The label is what can be searched for: JQL
// finds properties only of apps that declare them. The property with the key
// tells the issue from a clone of it, which has its labels. The stamp is a
// property of its own, so that a write need not know the key.
const (
	labelPrefix   = "lockstep-"
	keyProperty   = "lockstep.key"
	stampProperty = "lockstep.stamp"
)

// labelOf is the label that carries a key.
func labelOf(key string) string {
	if strings.HasPrefix(key, labelPrefix) {
		return key
	}
	return labelPrefix + key
}

// isMark reports whether a label is lockstep's.
func isMark(label string) bool { return strings.HasPrefix(label, labelPrefix) }

func property(key, value string) map[string]any {
	return map[string]any{"key": key, "value": propertyValue(value)}
}

func propertyValue(value string) map[string]string { return map[string]string{"value": value} }

// body is fields as the API takes them, and under which name each was given.
func (c *Connector) body(ctx context.Context, op, record string, fields map[string]any) (map[string]any, map[string]string, error) {
	body, names := map[string]any{}, map[string]string{}
	put := func(id, name string, t fieldType, v any) {
		if v != nil {
			body[id], names[id] = wire(t, v), name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		v := fields[name]
		if t, ok := systemFieldTypes()[name]; ok {
			put(name, name, t, v)
			continue
		}
		entries, within := map[string]any{strings.TrimPrefix(name, customFieldsField+"/"): v}, ""
		if all, ok := v.(map[string]any); ok && name == customFieldsField {
			entries, within = all, customFieldsField+"/"
		}
		for _, entry := range slices.Sorted(maps.Keys(entries)) {
			field, reason, err := c.customField(ctx, entry)
			if err != nil {
				return nil, nil, connectors.NotSent(err)
			}
			if reason != "" {
				return nil, nil, connectors.Rejected(op, record, name, "unknown", reason)
			}
			shown := name
			if within != "" {
				shown = within + entry
			}
			put(field.ID, shown, field.Schema, entries[entry])
		}
	}
	return body, names, nil
}

// Create opens an issue that carries the key and the stamp, in one call, and
// reads it back. A status other than the first is reached afterwards; where
// that fails, the issue stands as it is.
func (c *Connector) Create(ctx context.Context, draft connectors.Draft) (connectors.Record, error) {
	const op = "create"
	record := draft.Collection.String()
	given := maps.Clone(draft.Fields)
	target, _ := given[c.schema.State.Field].(string)
	delete(given, c.schema.State.Field)
	if strings.ContainsAny(draft.Key, " \t\r\n\"\\") || draft.Key == "" {
		return connectors.Record{}, connectors.Rejected(op, record, "labels", "key", "the key cannot be a label")
	}
	body, names, err := c.body(ctx, op, record, given)
	if err != nil {
		return connectors.Record{}, err
	}
	// The screen of a new issue has no resolution: it goes with a transition.
	later, transitionNames, err := c.body(ctx, op, record, draft.TransitionFields)
	if err != nil {
		return connectors.Record{}, err
	}
	maps.Copy(names, transitionNames)
	body, later = filled(body), filled(later)
	if v, ok := body["resolution"]; ok {
		later["resolution"] = v
		delete(body, "resolution")
	}
	id, err := c.open(ctx, draft, body)
	if err != nil {
		return connectors.Record{}, asWritten(err, names)
	}
	ref := draft.Collection.Ref(id)
	made, err := c.readBack(ctx, op, ref)
	if err != nil {
		return connectors.Record{}, connectors.MadeUnseen(err, ref)
	}
	if target == "" || strings.EqualFold(values.TextAt(made.Fields, "status"), target) {
		return made, err
	}
	if err := c.newWalk(op, made, target, later, names).run(ctx); err != nil {
		c.log.Warn("a new issue did not reach its status", "record", ref.String(), "error", err.Error())
	}
	return c.readBack(ctx, op, ref)
}

// open sends the request that opens an issue, with its marks, and returns its id.
// Labels may not be on the create screen: then Jira refuses the one that is
// lockstep's, and the issue is opened without it.
func (c *Connector) open(ctx context.Context, draft connectors.Draft, body map[string]any) (string, error) {
	const op = "create"
	given, own := body["labels"].([]any)
	project, issueType := values.TextAt(draft.Fields, "project"), values.TextAt(draft.Fields, "issuetype")
	screen := project + "/" + issueType
	send := func(labels []any) (string, error) {
		if delete(body, "labels"); len(labels) > 0 {
			body["labels"] = labels
		}
		var created struct {
			ID string `json:"id"`
		}
		_, err := c.do(ctx, transport.Request{
			Op: op, Record: draft.Collection.String(), Method: http.MethodPost, Path: api + "/issue",
			JSON: map[string]any{
				"fields":     body,
				"properties": []any{property(keyProperty, draft.Key), property(stampProperty, draft.Stamp)},
			},
			Into: &created,
		}, "")
		return created.ID, err
	}
	if _, off := c.known.unlabelled.Get(screen); off && !own {
		return send(nil)
	}
	id, err := send(append(slices.Clone(given), labelOf(draft.Key)))
	var refused *connectors.Error
	if own || !errors.As(err, &refused) || refused.Class != connectors.ClassRejected || refused.Fields["labels"] == "" {
		if err == nil {
			c.known.offScreen.note(project, issueType, true)
		}
		return id, err
	}
	c.log.Warn("labels cannot be set on new issues, so that lockstep's own label is left out: put the field Labels on the create screen", "screen", screen)
	c.known.unlabelled.Put(screen, true)
	if c.known.offScreen.note(project, issueType, false) && c.renamed != nil {
		c.renamed() // it is advice from now on
	}
	return send(nil)
}

// unseen is the failure of a read after a write: the write was done.
func unseen(err error) error {
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		return err
	}
	e := *failure
	e.Class = connectors.ClassUnclear
	e.Message = strings.TrimSpace("written, but not read back: " + e.Message)
	return &e
}

// Update writes the fields, and with them the stamp. A status is reached first,
// by transitions: each is a request of its own, and the stamp is in the last
// request, so that it is there only when all is done.
func (c *Connector) Update(ctx context.Context, change connectors.Change) (connectors.Record, error) {
	const op = "update"
	record := change.Ref.String()
	if failure := checkRef(op, change.Ref); failure != nil {
		return connectors.Record{}, failure
	}
	given := maps.Clone(change.Fields)
	target, _ := given[c.schema.State.Field].(string)
	delete(given, c.schema.State.Field)
	body, names, err := c.body(ctx, op, record, given)
	if err != nil {
		return connectors.Record{}, err
	}
	if _, writesLabels := body["labels"]; target != "" || writesLabels {
		now, own, err := c.readWithMarks(ctx, op, change.Ref)
		if err != nil {
			return connectors.Record{}, connectors.NotSent(err)
		}
		if labels, ok := body["labels"].([]any); ok {
			body["labels"] = append(slices.Clone(labels), own...)
		}
		if c.Same(change.Ref.Record, "resolution", given["resolution"], now.Fields["resolution"]) {
			delete(body, "resolution") // it went with a transition whose edit was lost
		}
		if target != "" {
			offer, transitionNames, err := c.body(ctx, op, record, change.TransitionFields)
			if err != nil {
				return connectors.Record{}, err
			}
			maps.Copy(offer, body)
			maps.Copy(transitionNames, names)
			w := c.newWalk(op, now, target, offer, transitionNames)
			w.edits, w.stamp = body, change.Stamp
			if err := w.run(ctx); err != nil {
				return connectors.Record{}, err
			}
			for _, id := range w.sent {
				delete(body, id)
			}
		}
	}
	if len(body) == 0 {
		return c.stamped(ctx, op, change)
	}
	answer, err := c.edit(ctx, op, change, body)
	if err != nil {
		return connectors.Record{}, asWritten(err, names)
	}
	if isWhole(answer.Body) {
		if written, err := c.record(ctx, op, change.Ref.Collection, answer.Body); err == nil {
			written.Stamp = change.Stamp // the answer shows no properties
			return written, nil
		}
	}
	return c.readBack(ctx, op, change.Ref)
}

// edit writes fields and the stamp in one request.
func (c *Connector) edit(ctx context.Context, op string, change connectors.Change, body map[string]any) (*transport.Answer, error) {
	request := map[string]any{"properties": []any{property(stampProperty, change.Stamp)}}
	if parent, ok := body["parent"]; ok && parent == nil {
		delete(body, "parent") // taken off in a way of its own
		request["update"] = map[string]any{"parent": []any{map[string]any{"set": map[string]any{"none": true}}}}
	}
	if len(body) > 0 {
		request["fields"] = body
	}
	return c.do(ctx, transport.Request{
		Op: op, Record: change.Ref.String(), Method: http.MethodPut, Path: api + "/issue/" + change.Ref.ID,
		Query: url.Values{"returnIssue": {"true"}, "expand": {"names"}}, JSON: request,
	}, change.Ref.ID)
}

// stamped reads an issue of which no field is left to be written, and sees to it
// that it has the stamp. Jira refuses an edit of properties alone; the last
// transition carried the stamp, if there was one.
func (c *Connector) stamped(ctx context.Context, op string, change connectors.Change) (connectors.Record, error) {
	written, err := c.readBack(ctx, op, change.Ref)
	if err != nil || written.Stamp == change.Stamp {
		return written, err
	}
	_, err = c.do(ctx, transport.Request{
		Op: op, Record: change.Ref.String(), Method: http.MethodPut, Path: api + "/issue/" + change.Ref.ID + "/properties/" + stampProperty,
		JSON: propertyValue(change.Stamp),
	}, change.Ref.ID)
	written.Stamp = change.Stamp
	return written, err
}

// readBack reads what was written.
func (c *Connector) readBack(ctx context.Context, op string, ref connectors.Ref) (connectors.Record, error) {
	record, err := c.read(ctx, op, ref)
	if err != nil {
		return connectors.Record{}, unseen(err)
	}
	return record, nil
}

// isWhole reports whether an answer is a whole issue. Success may also be an
// empty one, and the documentation leaves open whether fields that were not
// edited are in it.
func isWhole(body []byte) bool {
	var issue struct {
		Fields map[string]json.RawMessage `json:"fields"`
	}
	if json.Unmarshal(body, &issue) != nil {
		return false
	}
	for _, field := range []string{"updated", "project", "status", "summary"} {
		if _, ok := issue.Fields[field]; !ok {
			return false
		}
	}
	return true
}

// unlabelledFor is how far back issues are looked for that have no label of
// lockstep's: far longer than an answer stays unclear.
const unlabelledFor = "-30d"

// FindByKey searches for the key's label and reads each hit: the search may be
// old, and a clone has the label of what it was cloned from. Where labels cannot be
// set, the key is in the issue's property alone, which no query can ask for: so it
// is looked for in what the account opened of late.
func (c *Connector) FindByKey(ctx context.Context, collection connectors.Collection, key string) ([]connectors.Record, error) {
	const op = "find"
	if strings.ContainsAny(key, " \t\r\n\"\\") || key == "" {
		return nil, connectors.Rejected(op, collection.String(), "labels", "key", "the key cannot stand in a query")
	}
	hits, err := paging.Collect(c.search(ctx, op, collection.String(), query{jql: `labels = "` + labelOf(key) + `" ORDER BY created ASC`, field: "labels"}))
	if err != nil {
		return nil, err
	}
	found, err := c.withKey(ctx, collection, key, hits)
	if err != nil || len(found) > 0 {
		return found, err
	}
	hits = nil
	recent := query{jql: "creator = currentUser() AND created >= " + unlabelledFor + " ORDER BY created DESC", field: "labels", property: keyProperty}
	for h, err := range c.search(ctx, op, collection.String(), recent) {
		if err != nil {
			return nil, err
		}
		if h.Properties[keyProperty].Value == key {
			hits = append(hits, h)
		}
	}
	return c.withKey(ctx, collection, key, hits)
}

// withKey reads hits and keeps those that do carry the key, oldest first.
func (c *Connector) withKey(ctx context.Context, collection connectors.Collection, key string, hits []hit) ([]connectors.Record, error) {
	if len(hits) == 0 {
		return nil, nil
	}
	me, err := c.me(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, hit := range hits {
		ids = append(ids, hit.ID)
	}
	found, err := connectors.KeepKeyed(collection, key, ids, func(ref connectors.Ref) (connectors.Record, error) {
		record, err := c.read(ctx, "find", ref)
		// Accounts are compared by their ids: names and addresses change.
		record.CreatedBy = values.TextAt(record.Fields, "creator")
		record.Foreign = me == "" || record.CreatedBy != me
		return record, err
	})
	slices.SortFunc(found, func(a, b connectors.Record) int {
		return compareIDs(a.Ref.ID, b.Ref.ID)
	})
	return found, err
}

// compareIDs orders ids by their numbers, which grow.
func compareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
