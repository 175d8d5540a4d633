package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/lockstep-sync/lockstep/connectors"
)

// plain returns a value without its marks.
func plain(v cty.Value) (value cty.Value, sensitive bool) {
	v, marks := v.UnmarkDeep()
	return v, len(marks) > 0
}

// unknown reports whether a value is one that an offline command cannot know.
func unknown(v cty.Value) bool { return isMarked(v, unsetMark) }

// nativeValue returns an HCL value as a connectors.Record holds it.
func nativeValue(v cty.Value) (any, bool) {
	if !v.IsKnown() {
		return nil, false
	}
	if v.IsNull() {
		return nil, true
	}
	switch t := v.Type(); {
	case t == cty.String:
		return v.AsString(), true
	case t == cty.Bool:
		return v.True(), true
	case t == cty.Number:
		f := v.AsBigFloat()
		if n, accuracy := f.Int64(); accuracy == 0 {
			return n, true
		}
		n, _ := f.Float64()
		return n, true
	case t.IsObjectType() || t.IsMapType():
		m := make(map[string]any, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			key, elem := it.Element()
			native, ok := nativeValue(elem)
			if !ok {
				return nil, false
			}
			m[key.AsString()] = native
		}
		return m, true
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		list := make([]any, 0, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			_, elem := it.Element()
			native, ok := nativeValue(elem)
			if !ok {
				return nil, false
			}
			list = append(list, native)
		}
		return list, true
	}
	return nil, false
}

// typeOf returns the type of a native value. An object whose values have one type
// is a map of it; so is one whose keys are no names.
func typeOf(v any) connectors.Type {
	switch v := v.(type) {
	case string:
		return connectors.Type{Kind: connectors.String}
	case bool:
		return connectors.Type{Kind: connectors.Bool}
	case int64:
		return connectors.Type{Kind: connectors.Int}
	case float64:
		return connectors.Type{Kind: connectors.Double}
	case []any:
		all := make([]connectors.Type, len(v))
		for i := range v {
			all[i] = typeOf(v[i])
		}
		elem, _ := oneType(all)
		return connectors.ListOf(elem)
	case map[string]any:
		all := make([]connectors.Type, 0, len(v))
		fields := make(map[string]connectors.Type, len(v))
		names := true
		for _, name := range sortedKeys(v) {
			fields[name] = typeOf(v[name])
			all = append(all, fields[name])
			names = names && isCELName(name)
		}
		if t, ok := oneType(all); ok {
			return connectors.MapOf(t)
		}
		if !names {
			return connectors.MapOf(connectors.Type{})
		}
		return connectors.ObjectOf("", fields)
	}
	return connectors.Type{}
}

// oneType returns the type that values of all these types have; null goes with every
// type and an int with doubles.
func oneType(all []connectors.Type) (connectors.Type, bool) {
	joined := connectors.Type{}
	for _, t := range all {
		t, ok := joinTypes(joined, t)
		if !ok {
			return connectors.Type{}, false
		}
		joined = t
	}
	return joined, true
}

// joinTypes returns the type that two have in common. Any, which is that of null
// and of nothing, goes with all.
func joinTypes(a, b connectors.Type) (connectors.Type, bool) {
	switch {
	case a.Kind == connectors.Any:
		return b, true
	case b.Kind == connectors.Any:
		return a, true
	case a.Kind == connectors.Int && b.Kind == connectors.Double, a.Kind == connectors.Double && b.Kind == connectors.Int:
		return connectors.Type{Kind: connectors.Double}, true
	case a.Kind != b.Kind:
		return connectors.Type{}, false
	case a.Kind == connectors.List || a.Kind == connectors.Map:
		elem, ok := joinTypes(*a.Elem, *b.Elem)
		if !ok {
			return connectors.Type{}, false
		}
		a.Elem = &elem
		return a, true
	case a.Kind == connectors.Object:
		fields := make(map[string]connectors.Type, len(a.Fields))
		if len(a.Fields) != len(b.Fields) {
			return connectors.Type{}, false
		}
		for name, field := range a.Fields {
			other, ok := b.Fields[name]
			if !ok {
				return connectors.Type{}, false
			}
			if fields[name], ok = joinTypes(field, other); !ok {
				return connectors.Type{}, false
			}
		}
		return connectors.ObjectOf("", fields), true
	}
	return a, true
}

// fitTo makes the ints of a value doubles where its type says so.
func fitTo(v any, t connectors.Type) any {
	switch v := v.(type) {
	case int64:
		if t.Kind == connectors.Double {
			return float64(v)
		}
	case []any:
		if t.Kind == connectors.List {
			for i := range v {
				v[i] = fitTo(v[i], *t.Elem)
			}
		}
	case map[string]any:
		for name := range v {
			switch t.Kind {
			case connectors.Map:
				v[name] = fitTo(v[name], *t.Elem)
			case connectors.Object:
				v[name] = fitTo(v[name], t.Fields[name])
			}
		}
	}
	return v
}

// isCELName reports whether CEL can select a field of this name with a dot.
func isCELName(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// encodeJSON returns JSON as people write it: < and & stay themselves.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func showLiteral(v any) string {
	text, err := encodeJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func nativeName(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64, float64:
		return "a number"
	case bool:
		return "a bool"
	case time.Time:
		return "a time"
	}
	return "another value"
}

// text returns a scalar as state tables write it; empty for anything else.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// lookUp returns the value of a dotted path in a record, nil if it has none.
func lookUp(r *connectors.Record, path string) any {
	var v any = r.Fields
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}
