package ruletest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// edit changes fields of a record. Keys are dotted names within the record; values are
// JSON, or else text. With form it is somebody at a form who does, and can only do what
// the form lets people do.
func (w *world) edit(ref connectors.Ref, assignments []string, form bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, schema := w.things[ref], w.schema(ref.Collection)
	fields := t.record.Fields
	names, set := map[string]bool{}, map[string]any{}
	for _, assignment := range assignments {
		key, raw, ok := strings.Cut(assignment, "=")
		if !ok || key == "" {
			return fmt.Errorf("%q is not KEY=VALUE", assignment)
		}
		path, kind, err := pathOf(ref.Collection, schema, key)
		if err != nil {
			return err
		}
		value, err := valueOf(kind, raw)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if err := checkMembers(kind, key, value, false); err != nil {
			return err
		}
		if err := checkChoices(schema, path, value); err != nil {
			return err
		}
		if form {
			if err := w.checkSet(t, path, value); err != nil {
				return err
			}
		}
		names[path[0]], set[path[0]] = true, value
		fields = replaced(fields, path, w.shown(kind, value))
		if state := schema.State; state != nil && state.Category != "" && key == state.Field {
			// The category is part of the state: it goes along unless it is
			// edited as well.
			name, _ := value.(string)
			if category := w.categoryOf(ref.Collection, state, name); category != "" {
				fields = replaced(fields, strings.Split(state.Category, "."), category)
			}
		}
	}
	if form {
		if err := w.demanded("update", ref, set, fields); err != nil {
			return err
		}
	}
	t.record.Fields = fields
	maps.Copy(t.written, names)
	w.recognise(t)
	w.learn(t.record)
	w.touch(t, person)
	return nil
}

// person is who edits and comments, where nobody says.
const person = "a person"

// recognise sets what a record is besides its fields, as its system would see
// it in them: whether it is private, its number and address. w.mu is held.
func (w *world) recognise(t *thing) {
	fields := t.record.Fields
	if fields["id"] == nil { // of a ticket that was opened
		fields = replaced(fields, []string{"id"}, t.record.Ref.ID)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return
	}
	block := w.set.Connectors[t.record.Ref.Connector]
	seen, err := block.Decode(t.record.Ref.Collection, body)
	if err != nil || seen.Ref != t.record.Ref {
		return // its fields alone do not make it up: it stays what it was
	}
	t.record.Private, t.record.Parent = seen.Private, seen.Parent
	if seen.Number != "" {
		t.record.Number = seen.Number
	}
	if seen.URL != "" {
		t.record.URL = seen.URL
	}
}

// replace takes a record in place of the one that is there. What lockstep has
// written and the new one does not mention stays.
func (w *world) replace(r connectors.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.things[r.Ref]
	for _, name := range slices.Sorted(maps.Keys(t.ours)) {
		path := strings.SplitN(name, "/", 2)
		if schema := w.schema(r.Ref.Collection); schema.State != nil && name == schema.State.Field {
			path = strings.Split(name, ".")[:1]
		}
		if at(r.Fields, path) == nil {
			r.Fields = replaced(r.Fields, path, at(t.record.Fields, path))
		}
	}
	t.record.Fields, t.record.Private, t.record.Parent = r.Fields, r.Private, r.Parent
	t.record.Number, t.record.URL = r.Number, r.URL
	w.learn(t.record)
	w.touch(t, person)
}

// pathOf returns the path of a dotted name, with the type of what stands there. A
// name within a map may hold dots itself.
func pathOf(of connectors.Collection, schema *connectors.Schema, key string) ([]string, connectors.Type, error) {
	names := strings.Split(key, ".")
	if slices.Contains(names, "") {
		return nil, connectors.Type{}, fmt.Errorf("%q is not a dotted name", key)
	}
	field, listed := schema.Fields[names[0]]
	free := schema.Unlisted != connectors.RejectUnknown || slices.ContainsFunc(schema.FreePrefixes, func(p string) bool { return strings.HasPrefix(key, p) })
	if !listed && !free {
		return nil, connectors.Type{}, checkField(of, schema, names[0])
	}
	if err := checkField(of, schema, names[0]); err != nil {
		return nil, connectors.Type{}, err
	}
	path, rest, t := names[:1:1], names[1:], field.Type
	for len(rest) > 0 {
		switch t.Kind {
		case connectors.Any:
			path, rest = append(path, rest[0]), rest[1:]
		case connectors.Object:
			member, ok := t.Fields[rest[0]]
			if !ok {
				return nil, connectors.Type{}, fmt.Errorf("%s has no %q; it has %s", strings.Join(path, "."), rest[0], strings.Join(slices.Sorted(maps.Keys(t.Fields)), ", "))
			}
			path, rest, t = append(path, rest[0]), rest[1:], member
		case connectors.Map:
			n := len(rest)
			if _, ok := elem(t).Fields[rest[n-1]]; ok && n > 1 {
				n--
			}
			path, rest, t = append(path, strings.Join(rest[:n], ".")), rest[n:], elem(t)
		default:
			return nil, connectors.Type{}, fmt.Errorf("%s is one %s; there is no %q in it", strings.Join(path, "."), t.Kind, rest[0])
		}
	}
	return path, t, nil
}

// valueOf reads a value of the type: JSON, or else text. Text fields take what
// looks like a number as it is written.
func valueOf(t connectors.Type, raw string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	var parsed any
	err := decoder.Decode(&parsed)
	if _, more := decoder.Token(); err != nil || !errors.Is(more, io.EOF) {
		parsed = raw
	}
	switch parsed.(type) {
	case json.Number, bool:
		if t.Kind == connectors.String || t.Kind == connectors.Text || t.Kind == connectors.Reference {
			parsed = raw
		}
	}
	return typed(t, parsed)
}

// typed turns parsed JSON into what a record holds.
func typed(t connectors.Type, parsed any) (any, error) {
	switch v := parsed.(type) {
	case nil:
		return nil, nil
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = typed(elem(t), v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		object := map[string]any{}
		for name, member := range v {
			of := elem(t)
			if t.Kind == connectors.Object {
				of = t.Fields[name]
			}
			value, err := typed(of, member)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			object[name] = value
		}
		return object, nil
	case json.Number:
		if i, err := strconv.ParseInt(v.String(), 10, 64); err == nil && t.Kind != connectors.Double {
			return i, nil
		}
		return v.Float64()
	case string:
		switch t.Kind {
		case connectors.Int:
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%q is not a whole number", v)
			}
			return n, nil
		case connectors.Double:
			x, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return nil, fmt.Errorf("%q is not a number", v)
			}
			return x, nil
		case connectors.Bool:
			return nil, fmt.Errorf("%q is neither true nor false", v)
		case connectors.Time:
			moment, err := time.Parse(time.RFC3339Nano, v)
			if err != nil {
				return nil, fmt.Errorf("%q is not a time as 2026-01-02T15:04:05Z", v)
			}
			return moment.UTC(), nil
		case connectors.List:
			return nil, fmt.Errorf(`%q is not a list as ["a","b"]`, v)
		case connectors.Map:
			return nil, fmt.Errorf(`%q is not an object as {"a":"b"}`, v)
		}
		return v, nil
	}
	return parsed, nil
}
