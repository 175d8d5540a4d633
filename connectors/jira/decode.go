package jira

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/markdown/adf"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// Layouts of Jira's times. The zone has no colon.
const (
	momentLayout = "2006-01-02T15:04:05.000-0700"
	maxDepth     = 64
)

// decode reads an issue as the API gives it, or a webhook's body.
func decode(c connectors.Collection, schema *connectors.Schema, body []byte) (connectors.Record, error) {
	object, err := values.ParseObject(body)
	if err != nil {
		return connectors.Record{}, err
	}
	if _, ok := object["issues"].([]any); ok {
		return connectors.Record{}, errors.New(`this is a list, "issues"; give one of its issues`)
	}
	if inner, ok := object["issue"].(map[string]any); ok {
		object = inner
	} else if event, ok := object["webhookEvent"].(string); ok {
		return connectors.Record{}, fmt.Errorf("a webhook %s holds no issue", event)
	}
	fields, ok := object["fields"].(map[string]any)
	if !ok {
		return connectors.Record{}, errors.New(`not an issue: it has no "fields"`)
	}
	id, key := textOf(object["id"]), textOf(object["key"])
	if id == "" {
		id = key
	}
	if id == "" {
		return connectors.Record{}, errors.New("not an issue: it has neither id nor key")
	}
	record := connectors.Record{Ref: c.Ref(id), Number: key, URL: browse(textOf(object["self"]), key)}
	if record.Fields, err = flatten(schema, fields); err != nil {
		return connectors.Record{}, fmt.Errorf("not an issue: %w", err)
	}
	named, _ := object["names"].(map[string]any)
	addCustomFields(record.Fields, named)
	record.Key, record.Stamp = mark(object, keyProperty), mark(object, stampProperty)
	record.Pristine = fields["updated"] != nil && fields["updated"] == fields["created"]
	record.Version = textOf(fields["updated"])
	record.Private = record.Fields[schema.Audience] != nil
	record.UpdatedAt, _ = record.Fields["updated"].(time.Time)
	return record, nil
}

// mark is one of lockstep's own properties, where they were asked for.
func mark(issue map[string]any, name string) string {
	properties, _ := issue["properties"].(map[string]any)
	value, _ := properties[name].(map[string]any)
	return textOf(value["value"])
}

// browse is the address at which people open an issue.
func browse(self, key string) string {
	u, err := url.Parse(self)
	if err != nil || u.Host == "" || key == "" || u.Hostname() == gateway {
		return ""
	}
	path, _, _ := strings.Cut(u.Path, "/rest/api/")
	return u.Scheme + "://" + u.Host + path + "/browse/" + key
}

func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// flatten turns an issue's fields into what people see. Comments and worklogs
// are no fields of it.
func flatten(schema *connectors.Schema, raw map[string]any) (map[string]any, error) {
	fields := map[string]any{}
	put := func(name string, value any) {
		if value != nil && value != "" {
			fields[name] = value
		}
	}
	for name, value := range raw {
		field, known := schema.Fields[name]
		switch {
		case name == "custom_fields":
			// Written by hand in a rule test; the API has no such field.
			put(name, plain(value, 0))
		case strings.HasPrefix(name, customPrefix):
			put(name, plain(value, 0))
		case name == "timetracking", name == "attachment":
			converted, err := members(field.Type, value, name)
			if err != nil {
				return nil, err
			}
			put(name, converted)
		case name == "issuelinks":
			put(name, issueLinks(value))
		case name == "labels":
			converted, err := visible(field.Type, value, name)
			if err != nil {
				return nil, err
			}
			put(name, withoutMarks(converted))
		case name == "subtasks":
			put(name, keys(value))
		case known:
			converted, err := visible(field.Type, value, name)
			if err != nil {
				return nil, err
			}
			put(name, converted)
		}
	}
	if status, ok := raw["status"].(map[string]any); ok && fields["statusCategory"] == nil {
		put("statusCategory", label(status["statusCategory"]))
	}
	return fields, nil
}

// withoutMarks are labels but for lockstep's own.
func withoutMarks(labels any) any {
	list, _ := labels.([]any)
	var all []any
	for _, label := range list {
		if s, ok := label.(string); !ok || !isMark(s) {
			all = append(all, label)
		}
	}
	return values.ListOrNil(all)
}

// visible is what people see of a value, in the type of its field.
func visible(t connectors.Type, value any, path string) (any, error) {
	if value == nil || value == "" {
		return nil, nil
	}
	switch t.Kind {
	case connectors.String, connectors.Reference:
		if text := label(value); text != "" {
			return text, nil
		}
		return nil, fmt.Errorf("%s: no name can be read from it", path)
	case connectors.Text:
		if document, ok := value.(map[string]any); ok {
			return values.OrNil(richText(document)), nil
		}
		if text, ok := value.(string); ok {
			return text, nil
		}
	case connectors.Int:
		if i, ok := count(value); ok {
			return i, nil
		}
	case connectors.Time:
		if at, ok := moment(value); ok {
			return at, nil
		}
	case connectors.List:
		if list, ok := value.([]any); ok {
			var all []any
			for i, element := range list {
				converted, err := visible(*t.Elem, element, fmt.Sprintf("%s[%d]", path, i))
				if err != nil {
					return nil, err
				}
				all = append(all, converted)
			}
			return values.ListOrNil(all), nil
		}
	}
	return nil, fmt.Errorf("%s: expected a value of type %s", path, t.Kind)
}

// richText is a document as Markdown.
func richText(document map[string]any) string { return adf.ToMarkdown(adf.FromJSON(document)) }

// label is the text by which people know a thing: a project's key, a user's
// account id, an option's value, else a name.
func label(value any) string {
	object, ok := value.(map[string]any)
	if !ok {
		return textOf(value)
	}
	for _, member := range []string{"key", "accountId", "value", "name", "id"} {
		// Users and statuses of old carry a key or name beside what counts.
		if member == "key" && (object["accountId"] != nil || object["name"] != nil && object["fields"] == nil && !isProject(object)) {
			continue
		}
		if text := textOf(object[member]); text != "" {
			return text
		}
	}
	return ""
}

// isProject tells a project, which goes by its key, from what goes by its name.
func isProject(object map[string]any) bool {
	return object["projectTypeKey"] != nil || object["avatarUrls"] != nil || strings.Contains(textOf(object["self"]), "/project/")
}

// count reads a number, or the number within votes and watches.
func count(value any) (int64, bool) {
	if object, ok := value.(map[string]any); ok {
		for _, member := range []string{"votes", "watchCount"} {
			if object[member] != nil {
				return count(object[member])
			}
		}
		return 0, false
	}
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, true
	}
	f, err := n.Float64()
	if err != nil || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// moment reads a time as Jira writes it; also RFC 3339, and milliseconds, as
// some of its answers have them.
func moment(v any) (time.Time, bool) {
	if n, ok := v.(json.Number); ok {
		ms, err := strconv.ParseInt(n.String(), 10, 64)
		return time.UnixMilli(ms).UTC(), err == nil
	}
	return values.ParseTime(v, momentLayouts()...)
}

func momentLayouts() []string {
	return []string{momentLayout, "2006-01-02T15:04:05-0700", time.RFC3339Nano}
}

// members converts an object, or a list of objects, by their declared members.
func members(t connectors.Type, value any, path string) (any, error) {
	switch value := value.(type) {
	case nil:
		return nil, nil
	case []any:
		if t.Kind != connectors.List {
			break
		}
		all := []any{}
		for i, element := range value {
			converted, err := members(*t.Elem, element, fmt.Sprintf("%s[%d]", path, i))
			if err != nil {
				return nil, err
			}
			all = append(all, converted)
		}
		return all, nil
	case map[string]any:
		if t.Kind != connectors.Object {
			break
		}
		object := map[string]any{}
		for name, declared := range t.Fields {
			converted, err := visible(declared, value[name], path+"."+name)
			if err != nil {
				return nil, err
			}
			if converted != nil {
				object[name] = converted
			}
		}
		return object, nil
	}
	return nil, fmt.Errorf("%s: expected a value of type %s", path, t.Kind)
}

func keys(value any) any {
	list, _ := value.([]any)
	var all []any
	for _, element := range list {
		if element, ok := element.(map[string]any); ok {
			all = append(all, textOf(element["key"]))
		}
	}
	return values.ListOrNil(all)
}

func issueLinks(value any) any {
	list, _ := value.([]any)
	var all []any
	for _, element := range list {
		element, _ := element.(map[string]any)
		kind, _ := element["type"].(map[string]any)
		for _, direction := range []string{"inward", "outward"} {
			if issue, ok := element[direction+"Issue"].(map[string]any); ok {
				all = append(all, map[string]any{
					"type": textOf(kind[direction]), "direction": direction, "issue": textOf(issue["key"]),
				})
			}
		}
	}
	return values.ListOrNil(all)
}
