package rules

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
)

// WriteText writes the decision in the lines that explain and rule tests show.
// Their form is a contract. Errors of w are for its owner to find.
func (d Decision) WriteText(w io.Writer) {
	head := func(name, value string) { fmt.Fprintf(w, "%-10s%s\n", name, value) }
	head("route", d.Route)
	head("record", d.Record.String())
	if d.Template == "" {
		head("template", "-")
	} else {
		head("template", d.Template)
		if d.Target != (connectors.Collection{}) { // it is known of every decision that was just made
			head("target", d.Target.String())
		}
	}
	head("action", string(d.Action))
	if d.Action == None {
		head("reason", d.Reason)
	} else {
		d.writeValues(w)
	}
	for _, s := range d.Skipped {
		head("skipped", s.text())
	}
}

// writeValues writes the fields; those that are null are left alone, and left
// out here.
func (d Decision) writeValues(w io.Writer) {
	longest := 0
	for _, v := range d.Values {
		if v.shown() {
			longest = max(longest, utf8.RuneCountInString(v.Field))
		}
	}
	for _, v := range d.Values {
		if v.shown() {
			fmt.Fprintf(w, "  %-*s  %s\n", longest, v.Field, v.text())
		}
	}
}

func (v Value) shown() bool { return v.Value != nil || v.Err != nil }

func (v Value) text() string {
	if v.Err != nil {
		return "error: " + oneLine(v.Err.Error())
	}
	var b strings.Builder
	writeValue(&b, v.Value)
	return b.String()
}

// writeValue writes a rendered value as JSON, with look-ups as they are written
// in a configuration, without their fallbacks.
func writeValue(b *strings.Builder, v any) {
	switch v := v.(type) {
	case connectors.Lookup:
		b.WriteString("ref(" + v.Key + ", ")
		writeValue(b, v.Value)
		b.WriteString(")")
	case []any:
		b.WriteString("[")
		for i, elem := range v {
			if i > 0 {
				b.WriteString(",")
			}
			writeValue(b, elem)
		}
		b.WriteString("]")
	case map[string]any:
		b.WriteString("{")
		for i, name := range sortedKeys(v) {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(showLiteral(name) + ":")
			writeValue(b, v[name])
		}
		b.WriteString("}")
	case time.Time:
		b.WriteString(showLiteral(v.UTC().Format(time.RFC3339Nano)))
	default:
		b.WriteString(showLiteral(v))
	}
}

func (s Skipped) text() string {
	if s.Err != nil {
		return fmt.Sprintf("%s: error: %s (%s)", s.Template, s.Condition, oneLine(s.Err.Error()))
	}
	line := fmt.Sprintf("%s: false: %s", s.Template, s.Condition)
	if len(s.Operands) == 0 {
		return line
	}
	operands := make([]string, len(s.Operands))
	for i, o := range s.Operands {
		operands[i] = o.Path + " = " + o.JSON
	}
	return line + " (" + strings.Join(operands, ", ") + ")"
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// decisionView is a decision for machines.
type decisionView struct {
	Route     string                     `json:"route"`
	Record    string                     `json:"record"`
	Template  *string                    `json:"template"` // null: none
	Condition string                     `json:"condition,omitempty"`
	Target    *string                    `json:"target"`
	Action    Action                     `json:"action"`
	Reason    string                     `json:"reason,omitempty"`
	State     *string                    `json:"state"`
	Fields    map[string]json.RawMessage `json:"fields"`
	Errors    map[string]string          `json:"errors"`
	Skipped   []skippedView              `json:"skipped"`
}

type skippedView struct {
	Template  string        `json:"template"`
	Condition string        `json:"condition"`
	Error     string        `json:"error,omitempty"`
	Operands  []operandView `json:"operands"`
}

type operandView struct {
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// MarshalJSON writes the decision for machines: what WriteText writes, with
// each field's value as it is and a look-up as {"ref": {"key", "value"}}.
func (d Decision) MarshalJSON() ([]byte, error) {
	view := decisionView{
		Route: d.Route, Record: d.Record.String(), Condition: d.Condition, Action: d.Action, Reason: d.Reason,
		Fields: map[string]json.RawMessage{}, Errors: map[string]string{}, Skipped: []skippedView{},
	}
	if d.Template != "" {
		view.Template = &d.Template
	}
	if d.Target != (connectors.Collection{}) {
		target := d.Target.String()
		view.Target = &target
	}
	if d.State != "" {
		view.State = &d.State
	}
	for _, v := range d.Values {
		switch {
		case v.Err != nil:
			view.Errors[v.Field] = v.Err.Error()
		case v.Value == nil:
		default:
			raw, err := encodeJSON(plainValue(v.Value))
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", v.Field, err)
			}
			view.Fields[v.Field] = raw
		}
	}
	for _, s := range d.Skipped {
		out := skippedView{Template: s.Template, Condition: s.Condition, Operands: []operandView{}}
		if s.Err != nil {
			out.Error = s.Err.Error()
		}
		for _, o := range s.Operands {
			raw := json.RawMessage(o.JSON)
			if !json.Valid(raw) {
				raw = json.RawMessage(showLiteral(o.JSON))
			}
			out.Operands = append(out.Operands, operandView{o.Path, raw})
		}
		view.Skipped = append(view.Skipped, out)
	}
	return encodeJSON(view)
}

// plainValue replaces look-ups by objects.
func plainValue(v any) any {
	switch v := v.(type) {
	case connectors.Lookup:
		return map[string]any{"ref": map[string]any{"key": v.Key, "value": v.Value}}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plainValue(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for name := range v {
			m[name] = plainValue(v[name])
		}
		return m
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return v
}
