package ruletest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
)

// A slip is what somebody wrote that the system itself would never give or take: the
// name of a field that the type does not have, a value that a closed list lacks.

// checkField refuses the name of a field that the type does not have: one that is not
// listed where all are, and a near miss of one that is.
func checkField(of connectors.Collection, schema *connectors.Schema, name string) error {
	if _, listed := schema.Fields[name]; listed || slices.Contains([]string{"id", "number", "url"}, name) {
		return nil
	}
	if slices.ContainsFunc(schema.FreePrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return nil
	}
	near := nearest.Name(name, slices.Collect(maps.Keys(schema.Fields)))
	if near == "" && schema.Unlisted != connectors.RejectUnknown || schema.Unlisted == connectors.AllowUnknown {
		return nil
	}
	return noField(of.String(), name, near, nil)
}

// noField says that something has no field of a name: which was probably meant, or which
// there are.
func noField(holder, name, near string, known []string) error {
	const few = 24
	switch {
	case near != "":
		return fmt.Errorf("%s has no field %q; did you mean %q?", holder, name, near)
	case len(known) == 0 || len(known) > few:
		return fmt.Errorf("%s has no field %q", holder, name)
	}
	return fmt.Errorf("%s has no field %q; it has %s", holder, name, strings.Join(known, ", "))
}

// checkChoice refuses a value that the closed list of choices at a path lacks, and one in a
// list of them.
func checkChoice(schema *connectors.Schema, path []string, value any) error {
	choices := schema.Closed(path...)
	if choices == nil || value == nil || value == "" {
		return nil
	}
	if list, isList := value.([]any); isList {
		for _, v := range list {
			if err := checkChoice(schema, path, v); err != nil {
				return err
			}
		}
		return nil
	}
	if slices.ContainsFunc(choices, func(c connectors.Choice) bool { return c.Value == value || fmt.Sprint(c.Value) == value }) {
		return nil
	}
	name := strings.Join(path, ".")
	var names []string
	for _, c := range choices {
		names = append(names, fmt.Sprint(c.Value))
	}
	if text, ok := value.(string); ok {
		if near := nearest.Name(text, names); near != "" {
			return fmt.Errorf("%s: %q is not a choice; did you mean %q?", name, text, near)
		}
	}
	return fmt.Errorf("%s: %s is not a choice; choices: %s", name, jsonOf(value), strings.Join(names, ", "))
}

// checkRecord refuses a record that its system would never give: a slip of the pen in a
// fixture. body is what it was read of, fields what was read.
func checkRecord(of connectors.Collection, system connectors.System, body []byte, fields map[string]any) error {
	schema, ok := system.Schema(of.Record)
	if !ok {
		return nil
	}
	object := map[string]any{}
	if system.Object != nil {
		object = system.Object(of, body)
	} else if json.Unmarshal(body, &object) != nil {
		return nil //nolint:nilerr // whoever decodes the record says what is wrong with it
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		given, differs := schema.Given[name]
		if !differs {
			if err := checkField(of, schema, name); err != nil {
				return err
			}
			given = schema.Fields[name].Type
		}
		if err := checkMembers(given, name, object[name], differs); err != nil {
			return err
		}
	}
	return checkChoices(schema, nil, fields)
}

// checkMembers refuses members of an object that its type does not have; with open it has
// more than are known, and only a near miss is refused.
func checkMembers(t connectors.Type, path string, value any, open bool) error {
	switch v := value.(type) {
	case []any:
		for i := range v {
			if err := checkMembers(elem(t), path+"["+strconv.Itoa(i)+"]", v[i], open); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			inner := elem(t)
			if t.Kind == connectors.Object {
				var ok bool
				if inner, ok = t.Fields[name]; !ok {
					known := slices.Sorted(maps.Keys(t.Fields))
					if near := nearest.Name(name, known); near != "" || !open {
						return noField(path, name, near, known)
					}
				}
			}
			if err := checkMembers(inner, path+"."+name, v[name], open); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkChoices refuses values within a record that their closed lists lack.
func checkChoices(schema *connectors.Schema, path []string, value any) error {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			if err := checkChoices(schema, path, element); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := checkChoices(schema, append(slices.Clone(path), name), v[name]); err != nil {
				return err
			}
		}
		return nil
	}
	return checkChoice(schema, path, value)
}

// demanded refuses what the vendor refuses for want of a field: a record without those that
// every one has, and a move to a state without what it asks for. w.mu is held.
func (w *world) demanded(op string, ref connectors.Ref, fields, have map[string]any) error {
	missing := w.schema(ref.Collection).Missing(fields, have, op == opCreate)
	switch {
	case len(missing) == 0:
		return nil
	case w.schema(ref.Collection).Fields[missing[0]].Mandatory:
		return connectors.Rejected(op, ref.String(), missing[0], "mandatory", "it cannot be empty")
	}
	return connectors.Rejected(op, ref.String(), missing[0], "data_policy",
		"Data Policy Exception: the following fields are mandatory: "+strings.Join(missing, ", "))
}

// checkSet refuses what a form, like the API, does not let people set. w.mu is held.
func (w *world) checkSet(t *thing, path []string, value any) error {
	of := t.record.Ref.Collection
	schema, system := w.schema(of), w.set.Connectors[of.Connector].System
	name := path[0]
	isState := schema.State != nil && strings.Join(path, ".") == schema.State.Field
	if field, listed := schema.Fields[name]; listed && field.Write == connectors.ReadOnly && !isState {
		return fmt.Errorf("%s is read-only: its system sets it, nobody else can", name)
	}
	if system.Convert == nil || len(path) > 2 || value == nil {
		return nil
	}
	if len(path) == 2 {
		if schema.Fields[name].Type.Kind != connectors.Map {
			return nil
		}
		name += "/" + path[1]
	}
	if _, err := system.Convert(of.Record, name, value); err != nil {
		return fmt.Errorf("%s: the system does not take %s: %w", strings.Join(path, "."), jsonOf(value), err)
	}
	return nil
}
