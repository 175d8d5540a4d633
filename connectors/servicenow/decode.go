package servicenow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// timeLayout is how date-times are written, in UTC and to the second.
const timeLayout = "2006-01-02 15:04:05"

// A row is one record on the wire: every member is text, empty text, a
// reference or (with sysparm_display_value=all) a pair of values.
type row map[string]json.RawMessage

// text is the database value of a column; "" where it is empty or missing.
func (r row) text(column string) string {
	s, _ := wireValue(r[column])
	return s
}

// display is what people see of a column, where the answer says that.
func (r row) display(column string) string {
	var forms struct {
		Display string `json:"display_value"`
	}
	_ = json.Unmarshal(r[column], &forms) // another form shows nothing
	return forms.Display
}

// wireValue reads the database value of a member, in each form that the Table
// API knows.
func wireValue(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case '{':
		var forms struct {
			Value   *json.RawMessage `json:"value"`
			Display *string          `json:"display_value"`
			Link    string           `json:"link"`
		}
		if err := json.Unmarshal(raw, &forms); err != nil {
			return "", err
		}
		switch {
		case forms.Value != nil:
			if v := bytes.TrimSpace(*forms.Value); len(v) > 0 && v[0] == '{' {
				return "", errors.New("an object within an object")
			}
			return wireValue(*forms.Value)
		case forms.Link != "": // sysparm_display_value=true: the id is in the address
			address, err := url.Parse(forms.Link)
			if err != nil {
				return "", errors.New("a reference whose link is not an address")
			}
			return address.Path[strings.LastIndexByte(address.Path, '/')+1:], nil
		case forms.Display != nil:
			return *forms.Display, nil
		}
		return "", nil
	case '[':
		return "", errors.New("a list where text was expected")
	default: // a number or a bool: not ServiceNow's habit, but its meaning is plain
		return string(raw), nil
	}
}

// decode makes a record of a row. base is the instance's address, "" where it
// is not known.
func decode(c connectors.Collection, schema *connectors.Schema, base string, r row) (connectors.Record, error) {
	id := r.text("sys_id")
	if id == "" {
		return connectors.Record{}, errors.New("there is no sys_id in it")
	}
	fields := make(map[string]any, len(r))
	for name, raw := range r {
		s, err := wireValue(raw)
		if err != nil {
			return connectors.Record{}, fmt.Errorf("field %s: %w", name, err)
		}
		fields[name] = typed(schema.Fields[name], s)
	}
	record := connectors.Record{
		Ref:       c.Ref(id),
		Fields:    fields,
		Number:    r.text("number"),
		Version:   r.text("sys_mod_count"),
		UpdatedBy: r.text("sys_updated_by"),
		Key:       r.text(keyColumn),
		Stamp:     r.text(stampColumn),
	}
	record.Pristine = record.Version == "0"
	if at, err := time.Parse(timeLayout, r.text("sys_updated_on")); err == nil {
		record.UpdatedAt = at
	}
	if base != "" {
		record.URL = recordURL(base, c.Record, id)
	}
	return record, nil
}

// recordURL opens the record within ServiceNow's own frame.
func recordURL(base, table, id string) string {
	return strings.TrimSuffix(base, "/") + "/nav_to.do?uri=" + url.QueryEscape(table+".do?sys_id="+id)
}

// typed turns what stands on the wire into what a Record holds. What does not
// fit the column's type (an instance may have changed it) stays text.
func typed(f connectors.Field, s string) any {
	if s == "" {
		return nil
	}
	switch f.Type.Kind {
	case connectors.Int:
		if n, ok := parseInt(f, s); ok {
			return n
		}
	case connectors.Double:
		if x, err := strconv.ParseFloat(s, 64); err == nil {
			return x
		}
	case connectors.Bool:
		switch s {
		case "true", "1":
			return true
		case "false", "0":
			return false
		}
	case connectors.Time:
		if at, err := time.Parse(timeLayout, s); err == nil {
			return at
		}
	case connectors.List:
		var list []any
		for element := range strings.SplitSeq(s, ",") {
			if element = strings.TrimSpace(element); element != "" {
				list = append(list, element)
			}
		}
		if len(list) == 0 {
			return nil
		}
		return list
	}
	return s
}

// parseInt reads a number, or a choice as people see it: "2 - Medium", "Medium".
func parseInt(f connectors.Field, s string) (int64, bool) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	number, label, found := strings.Cut(s, " - ")
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	for _, c := range f.Choices {
		v, isInt := c.Value.(int64)
		if isInt && (strings.EqualFold(c.Label, s) || found && err == nil && v == n && strings.EqualFold(c.Label, strings.TrimSpace(label))) {
			return v, true
		}
	}
	return 0, false
}

// decodeBody reads a record as the API gives it, or a webhook's body.
func decodeBody(c connectors.Collection, schema *connectors.Schema, body []byte) (connectors.Record, error) {
	var envelope struct {
		Result json.RawMessage `json:"result"`
		Error  *apiFailure     `json:"error"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return connectors.Record{}, fmt.Errorf("not a JSON object: %w", err)
	}
	if envelope.Error != nil && envelope.Error.Message != "" {
		return connectors.Record{}, errors.New("it is an error that ServiceNow answered, not a record")
	}
	one := json.RawMessage(body)
	if envelope.Result != nil {
		one = bytes.TrimSpace(envelope.Result)
		if len(one) > 0 && one[0] == '[' {
			var list []json.RawMessage
			if err := json.Unmarshal(one, &list); err != nil {
				return connectors.Record{}, err
			}
			if len(list) != 1 {
				return connectors.Record{}, fmt.Errorf("it holds %d records, and one was expected", len(list))
			}
			one = list[0]
		}
	}
	var r row
	if err := json.Unmarshal(one, &r); err != nil {
		return connectors.Record{}, fmt.Errorf("the record is not a JSON object: %w", err)
	}
	if err := checkTable(c.Record, r); err != nil {
		return connectors.Record{}, err
	}
	delete(r, "table") // of a webhook's body
	return decode(c, schema, "", r)
}

// checkTable refuses a record that says it is of another table. A record may
// be of a table that extends the one that was asked for, which only the
// instance knows, so that only tables of the product itself are told apart.
func checkTable(table string, r row) error {
	if hook := r.text("table"); hook != "" && hook != table {
		return fmt.Errorf("it is a record of %s, not of %s", hook, table)
	}
	class := strings.ReplaceAll(strings.ToLower(r.text("sys_class_name")), " ", "_")
	if table != "task" && class != table && class != "task" && slices.Contains(taskTables, class) {
		return fmt.Errorf("it is a record of %s, not of %s", class, table)
	}
	return nil
}

// Follows reports whether after is the version next to before: ServiceNow counts
// the updates of a record in sys_mod_count.
func (c *Connector) Follows(before, after string) (next, known bool) {
	from, errFrom := strconv.ParseInt(before, 10, 64)
	to, errTo := strconv.ParseInt(after, 10, 64)
	if errFrom != nil || errTo != nil {
		return false, false
	}
	return to == from+1, true
}

// objectOf returns the columns of the record that decodeBody reads.
func objectOf(body []byte) map[string]any {
	object, err := values.ParseObject(body)
	if err != nil {
		return nil
	}
	switch result := object["result"].(type) {
	case map[string]any:
		object = result
	case []any:
		if len(result) != 1 {
			return nil
		}
		object, _ = result[0].(map[string]any)
	}
	if object["table"] != nil {
		object = maps.Clone(object)
		delete(object, "table") // of a webhook's body
	}
	return object
}
