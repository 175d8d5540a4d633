package connectors

import (
	"fmt"
	"slices"
	"strings"
)

// Closed returns the values that stand at a path within a record, where no account has
// others; of a list those of its elements. nil: there is no such list of them, or only
// the instance knows it.
func (s *Schema) Closed(path ...string) []Choice {
	if len(path) == 0 {
		return nil
	}
	field, listed := s.Fields[path[0]]
	if !listed {
		return nil
	}
	if len(path) == 1 && len(field.Choices) > 0 {
		if field.InstanceChoices {
			return nil
		}
		return field.Choices
	}
	t := field.Type.at(path[1:])
	for t.Kind == List && t.Elem != nil {
		t = *t.Elem
	}
	var all []Choice
	for _, v := range t.OneOf {
		all = append(all, Choice{Value: v})
	}
	return all
}

// at returns the type of what stands at a path within a value, or within the elements of
// a list; Any where it is not known.
func (t Type) at(path []string) Type {
	for _, name := range path {
		for t.Kind == List && t.Elem != nil {
			t = *t.Elem
		}
		switch {
		case t.Kind == Object:
			t = t.Fields[name]
		case t.Kind == Map && t.Elem != nil:
			t = *t.Elem
		default:
			return Type{}
		}
	}
	return t
}

// Names reports whether a text is what people call a choice by: its label, or value and
// label together, as forms show them.
func (c Choice) Names(text string) bool {
	return c.Label != "" && (strings.EqualFold(c.Label, text) || strings.EqualFold(fmt.Sprint(c.Value)+" - "+c.Label, text))
}

// Takes reports whether a field's choices have a value, by itself or by its label. What
// only the instance knows, it takes.
func (f Field) Takes(v any) bool {
	if len(f.Choices) == 0 || f.InstanceChoices {
		return true
	}
	text, isText := v.(string)
	return slices.ContainsFunc(f.Choices, func(c Choice) bool { return c.Value == v || isText && c.Names(text) })
}
