package journal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

const (
	snapshotVersion = 1
	// maxSnapshot leaves room for the entry around it in a message of NATS's
	// default size.
	maxSnapshot = 768 << 10
	// maxTaken bounds what is remembered of snapshots: forgetting one costs a
	// second copy in the journal.
	maxTaken = 10000
)

// A Snapshot is what a decision rested on, kept in the journal to decide
// again, and what was decided: the values as they may be shown.
type Snapshot struct {
	V      int         `json:"v"`
	Record plainRecord `json:"record"`
	Linked string      `json:"linked,omitempty"`
	LinkID string      `json:"link_id"`
	// Ancestors are those of the input.
	Ancestors []string                `json:"ancestors,omitempty"`
	Parent    *plainRecord            `json:"parent,omitempty"`
	Tickets   map[string]rules.Ticket `json:"tickets,omitempty"`
	Decided   json.RawMessage         `json:"decided"` // as rules.Decision writes itself
	// Terms are those of the route and the template; nil: none was chosen, or an
	// older build wrote it.
	Terms map[string]string `json:"terms,omitempty"`
}

// Input is what the decision rested on; false if it is of a version that this
// build does not read.
func (s *Snapshot) Input() (rules.Input, bool) {
	if s == nil || s.V != snapshotVersion {
		return rules.Input{}, false
	}
	in := rules.Input{Record: connectors.Record(s.Record), Linked: s.Linked, LinkID: s.LinkID, Ancestors: s.Ancestors}
	if s.Parent != nil {
		in.Parent = &rules.Parent{Record: connectors.Record(*s.Parent), Tickets: s.Tickets}
	}
	return in, true
}

// NewSnapshot keeps what a decision rested on, so that it can be decided again,
// and the terms, which no decision shows. It holds contents of the record.
func NewSnapshot(in rules.Input, d rules.Decision, terms map[string]string) (*Snapshot, error) {
	decided, err := d.MarshalJSON()
	if err != nil {
		return nil, err
	}
	s := &Snapshot{V: snapshotVersion, Record: plainRecord(in.Record), Linked: in.Linked, LinkID: in.LinkID, Ancestors: in.Ancestors, Decided: decided, Terms: terms}
	if in.Parent != nil {
		parent := plainRecord(in.Parent.Record)
		s.Parent, s.Tickets = &parent, in.Parent.Tickets
	}
	return s, nil
}

// A plainRecord is a record whose JSON keeps the kinds of its values.
type plainRecord connectors.Record

// MarshalJSON writes a whole number without, a double with a point or an
// exponent, and a time as {"$time": …}.
func (r plainRecord) MarshalJSON() ([]byte, error) {
	r.Fields, _ = tagged(r.Fields).(map[string]any)
	return json.Marshal(connectors.Record(r))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *plainRecord) UnmarshalJSON(b []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	if err := decoder.Decode((*connectors.Record)(r)); err != nil {
		return err
	}
	fields, err := untagged(r.Fields)
	if err != nil {
		return err
	}
	r.Fields, _ = fields.(map[string]any)
	return nil
}

func tagged(v any) any {
	switch x := v.(type) {
	case float64:
		text := strconv.FormatFloat(x, 'g', -1, 64)
		switch {
		case strings.ContainsAny(text, "IN"): // infinite, or not a number
			return map[string]any{"$float": text}
		case !strings.ContainsAny(text, ".e"):
			text += ".0"
		}
		return json.Number(text)
	case time.Time:
		return map[string]any{"$time": x.UTC().Format(time.RFC3339Nano)}
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = tagged(x[i])
		}
		return out
	case map[string]any:
		out, escape := make(map[string]any, len(x)), false
		for k := range x {
			out[k], escape = tagged(x[k]), escape || strings.HasPrefix(k, "$")
		}
		if escape {
			return map[string]any{"$map": []any{out}}
		}
		return out
	}
	return v
}

func untagged(v any) (any, error) {
	switch x := v.(type) {
	case json.Number:
		if strings.ContainsAny(x.String(), ".eE") {
			return x.Float64()
		}
		return x.Int64()
	case []any:
		out := make([]any, len(x))
		for i := range x {
			var err error
			if out[i], err = untagged(x[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		if text, ok := x["$time"].(string); ok && len(x) == 1 {
			return time.Parse(time.RFC3339Nano, text)
		}
		if text, ok := x["$float"].(string); ok && len(x) == 1 {
			return strconv.ParseFloat(text, 64)
		}
		if inner, ok := x["$map"].([]any); ok && len(x) == 1 && len(inner) == 1 {
			if m, ok := inner[0].(map[string]any); ok {
				x = m
			}
		}
		out := make(map[string]any, len(x))
		for k := range x {
			var err error
			if out[k], err = untagged(x[k]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}
