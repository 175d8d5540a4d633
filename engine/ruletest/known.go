package ruletest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
	"github.com/lockstep-sync/lockstep/rules"
)

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
	if near != "" {
		return fmt.Errorf("%s has no field %q; did you mean %q?", of, name, near)
	}
	return fmt.Errorf("%s has no field %q", of, name)
}

// checkChoice refuses a value that the closed list of a field's choices lacks.
func checkChoice(schema *connectors.Schema, path string, value any) error {
	if value == nil || value == "" {
		return nil
	}
	field := schema.Fields[path]
	choices, closed := field.Choices, len(field.Choices) > 0 && !field.InstanceChoices
	if s := schema.State; s != nil && s.Category != "" && path == s.Category {
		for _, known := range s.Known {
			if name, ok := strings.CutPrefix(known, rules.CategoryPrefix); ok {
				choices, closed = append(choices, connectors.Choice{Value: name}), true
			}
		}
	}
	if !closed || slices.ContainsFunc(choices, func(c connectors.Choice) bool { return c.Value == value }) {
		return nil
	}
	var names []string
	for _, c := range choices {
		names = append(names, fmt.Sprint(c.Value))
	}
	if text, ok := value.(string); ok {
		if near := nearest.Name(text, names); near != "" {
			return fmt.Errorf("%s: %q is not a choice; did you mean %q?", path, text, near)
		}
	}
	return fmt.Errorf("%s: %s is not a choice; choices: %s", path, jsonOf(value), strings.Join(names, ", "))
}

// checkRecord refuses a record that its system would never give: a slip of the pen in a
// fixture. body is what it was read of, fields what was read.
func checkRecord(of connectors.Collection, schema *connectors.Schema, body, fields map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if near := nearest.Name(name, slices.Collect(maps.Keys(schema.Fields))); near == "" || body[near] != nil {
			continue // systems give more than is known of them
		}
		if err := checkField(of, schema, name); err != nil {
			return err
		}
	}
	paths := slices.Sorted(maps.Keys(schema.Fields))
	if s := schema.State; s != nil && s.Category != "" {
		paths = append(paths, s.Category)
	}
	for _, path := range paths {
		if err := checkChoice(schema, path, at(fields, strings.Split(path, "."))); err != nil {
			return err
		}
	}
	return nil
}

// demanded refuses a move to a state without what the vendor demands for it. w.mu is
// held.
func (w *world) demanded(op string, ref connectors.Ref, fields, have map[string]any) error {
	state := w.schema(ref.Collection).State
	if state == nil || state.Demands == nil || fields[state.Field] == nil {
		return nil
	}
	var missing []string
	for _, name := range state.Demands(fmt.Sprint(fields[state.Field])) {
		value := fields[name]
		if value == nil {
			value = have[name]
		}
		if value == nil || value == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return connectors.Rejected(op, ref.String(), missing[0], "data_policy",
		"Data Policy Exception: the following fields are mandatory: "+strings.Join(missing, ", "))
}
