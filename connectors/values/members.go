package values

// ObjectAt follows names into an object; nil where one is missing, or is not of an
// object.
func ObjectAt(object map[string]any, names ...string) map[string]any {
	for _, name := range names {
		object, _ = object[name].(map[string]any)
	}
	return object
}

// ListAt returns a member that is a list; nil where there is none.
func ListAt(object map[string]any, name string) []any {
	list, _ := object[name].([]any)
	return list
}

// TextAt returns a text that lies within an object, by the names that lead to it; ""
// where there is none.
func TextAt(object map[string]any, names ...string) string {
	last := len(names) - 1
	text, _ := ObjectAt(object, names[:last]...)[names[last]].(string)
	return text
}

// ListOrNil returns a list, or nil where it has no elements.
func ListOrNil(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list
}
