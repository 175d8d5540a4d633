package rules

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
)

// UnmarshalJSON reads what MarshalJSON writes: as much as WriteText shows. A number
// stays as it was written.
func (d *Decision) UnmarshalJSON(raw []byte) error {
	var view decisionView
	if err := json.Unmarshal(raw, &view); err != nil {
		return err
	}
	record, err := connectors.ParseRef(view.Record)
	if err != nil {
		return err
	}
	*d = Decision{Route: view.Route, Record: record, Condition: view.Condition, Action: view.Action, Reason: view.Reason}
	if view.Template != nil {
		d.Template = *view.Template
	}
	if view.State != nil {
		d.State = *view.State
	}
	if view.Target != nil {
		if d.Target, err = connectors.ParseCollection(*view.Target); err != nil {
			return err
		}
	}
	for _, field := range sortedKeys(view.Fields) {
		value, err := readValue(view.Fields[field])
		if err != nil {
			return err
		}
		d.Values = append(d.Values, Value{Field: field, Value: value})
	}
	for _, field := range sortedKeys(view.Errors) {
		d.Values = append(d.Values, Value{Field: field, Err: errors.New(view.Errors[field])})
	}
	slices.SortFunc(d.Values, func(a, b Value) int { return cmp.Compare(a.Field, b.Field) })
	for _, s := range view.Skipped {
		skipped := Skipped{Template: s.Template, Condition: s.Condition}
		if s.Error != "" {
			skipped.Err = errors.New(s.Error)
		}
		for _, o := range s.Operands {
			skipped.Operands = append(skipped.Operands, Operand{Path: o.Path, JSON: string(o.Value)})
		}
		d.Skipped = append(d.Skipped, skipped)
	}
	return nil
}

// readValue reads a field's value.
func readValue(raw json.RawMessage) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return withLookups(value), nil
}

// withLookups puts look-ups in the place of the objects that stand for them.
func withLookups(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withLookups(v[i])
		}
	case map[string]any:
		if ref, ok := v["ref"].(map[string]any); ok && len(v) == 1 && len(ref) == 2 {
			if key, ok := ref["key"].(string); ok {
				return connectors.Lookup{Key: key, Value: ref["value"]}
			}
		}
		for name := range v {
			v[name] = withLookups(v[name])
		}
	}
	return v
}
