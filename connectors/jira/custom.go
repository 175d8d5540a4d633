package jira

import (
	"encoding/json"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors/values"
)

// plain is what people see of a custom field, of which no type is known.
func plain(value any, depth int) any {
	if depth > maxDepth {
		return nil
	}
	switch value := value.(type) {
	case json.Number:
		return values.Number(value)
	case string:
		return values.OrNil(value)
	case []any:
		if objects := objectsOf(value); objects != nil {
			if k := kindOfShape(objects[0]); k != nil && k.pick != nil {
				return k.pick(objects)
			}
		}
		var all []any
		for _, element := range value {
			all = append(all, plain(element, depth+1))
		}
		return values.ListOrNil(all)
	case map[string]any:
		return plainObject(value, depth)
	}
	return value // bool or nil
}

// objectsOf are the elements of a list of objects; nil where it is another.
func objectsOf(list []any) []map[string]any {
	var all []map[string]any
	for _, element := range list {
		object, ok := element.(map[string]any)
		if !ok {
			return nil
		}
		all = append(all, object)
	}
	return all
}

// kindOfShape is the kind whose objects look like this one; nil: none's do.
func kindOfShape(object map[string]any) *fieldKind {
	for _, k := range productKinds() {
		if k.shape(object) {
			return &k
		}
	}
	return nil
}

func plainObject(object map[string]any, depth int) any {
	if object["type"] == "doc" {
		return values.OrNil(richText(object))
	}
	if k := kindOfShape(object); k != nil {
		return k.shown(object)
	}
	if child, ok := object["child"].(map[string]any); ok {
		return []any{label(object), label(child)} // a cascading select
	}
	if object["self"] != nil || object["accountId"] != nil {
		if text := label(object); text != "" {
			return text
		}
	}
	all := map[string]any{}
	for name, member := range object {
		if converted := plain(member, depth+1); converted != nil {
			all[name] = converted
		}
	}
	return all
}

// addCustomFields adds the custom fields by the names that expand=names gives. Of
// several that have one name it is always the oldest, with a value or without.
func addCustomFields(fields, names map[string]any) {
	byName, _ := fields["custom_fields"].(map[string]any)
	oldest := map[string]string{} // by name
	for field, name := range names {
		name, ok := name.(string)
		if !ok || !strings.HasPrefix(field, customPrefix) {
			continue
		}
		if first, taken := oldest[name]; !taken || compareIDs(field, first) < 0 {
			oldest[name] = field
		}
	}
	for name, field := range oldest {
		if fields[field] == nil {
			continue
		}
		if byName == nil {
			byName = map[string]any{}
		}
		byName[name] = fields[field]
	}
	if byName != nil {
		fields["custom_fields"] = byName
	}
}
