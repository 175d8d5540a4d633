package expr

import (
	"errors"
	"fmt"
	"reflect"
	"sort"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A nullValue is null as expressions see it. Unlike CEL's own null it can be
// looked into: null.x is null, x in null is false, size(null) is 0.
// Every null of an evaluation is this value, null literals too, for CEL's null
// equals only itself.
type nullValue struct{}

// Its name is that of CEL's null, so that type(x) == null_type holds.
var nullValueType = types.NewObjectType("null_type",
	traits.ContainerType, traits.IterableType, traits.SizerType)

var (
	errNullConversion = errors.New("null cannot be converted")
	errNullKey        = errors.New("the key is null")
)

func (nullValue) ConvertToNative(t reflect.Type) (any, error) {
	return types.NullValue.ConvertToNative(t)
}

func (nullValue) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return nullValueType
	}
	return types.WrapErr(errNullConversion)
}

func (nullValue) Equal(other ref.Val) ref.Val { return types.Bool(isNull(other)) }
func (nullValue) Type() ref.Type              { return nullValueType }
func (nullValue) Value() any                  { return nil }
func (nullValue) Get(ref.Val) ref.Val         { return nullValue{} }
func (nullValue) IsSet(ref.Val) ref.Val       { return types.False }
func (nullValue) Contains(ref.Val) ref.Val    { return types.False }
func (nullValue) Size() ref.Val               { return types.IntZero }
func (nullValue) IsZeroValue() bool           { return true }

func (nullValue) Iterator() traits.Iterator {
	return types.NewRefValList(types.DefaultTypeAdapter, nil).Iterator()
}

// Null as a key: records have nothing under it, maps miss it. The four methods
// make it an interpreter.Qualifier.

func (nullValue) ID() int64        { return 0 }
func (nullValue) IsOptional() bool { return false }

func (nullValue) Qualify(_ interpreter.Activation, of any) (any, error) {
	switch of.(type) {
	case nullValue, *object:
		return nullValue{}, nil
	}
	return nil, errNullKey
}

func (nullValue) QualifyIfPresent(interpreter.Activation, any, bool) (any, bool, error) {
	return nil, false, nil
}

func isNull(v ref.Val) bool {
	switch v.(type) {
	case nullValue, types.Null:
		return true
	}
	return false
}

// A shape says how native values become values of CEL. It is the part of a
// variable's type that evaluation needs.
type shape struct {
	// strict makes maps plain: a key that is not there is an error. Without
	// it, and in objects, what is not there is null.
	strict  bool
	members map[string]*shape // of an object
	elem    *shape            // of what a list, a map or any other value holds
}

// member returns the shape of what an object or map holds under a name.
func (s *shape) member(name string) *shape {
	if m, ok := s.members[name]; ok {
		return m
	}
	return s.elem
}

// recordShape returns the shape of records: nothing that is not there is an error.
func recordShape() *shape {
	s := &shape{}
	s.elem = s
	return s
}

// shapeOf returns the shape of a value that is not a record.
func shapeOf(t connectors.Type) *shape {
	s := &shape{strict: true}
	switch t.Kind {
	case connectors.List, connectors.Map:
		if t.Elem != nil {
			s.elem = shapeOf(*t.Elem)
			return s
		}
	case connectors.Object:
		s.members = make(map[string]*shape, len(t.Fields))
		for name, field := range t.Fields {
			s.members[name] = shapeOf(field)
		}
	}
	s.elem = s
	if s.members != nil {
		s.elem = &shape{strict: true}
		s.elem.elem = s.elem
	}
	return s
}

// NativeToValue makes s the type adapter of the lists and maps it makes.
func (s *shape) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case nil:
		return nullValue{}
	case types.Null:
		return nullValue{}
	case ref.Val:
		return v
	case string:
		return types.String(v)
	case bool:
		return types.Bool(v)
	case int64:
		return types.Int(v)
	case float64:
		return types.Double(v)
	case time.Time:
		return types.Timestamp{Time: v}
	case []any:
		return types.NewDynamicList(s.elem, v)
	case map[string]any:
		if v == nil {
			return nullValue{}
		}
		if s.strict && s.members == nil {
			return types.NewStringInterfaceMap(s.elem, v)
		}
		return &object{fields: v, shape: s}
	case connectors.Record:
		return &object{record: &v, fields: v.Fields, shape: s}
	case *connectors.Record:
		if v == nil {
			return nullValue{}
		}
		return &object{record: v, fields: v.Fields, shape: s}
	case []string:
		return types.NewStringList(s.elem, v)
	case int:
		return types.Int(v)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// An object is a record, or a map in which nothing that is missing is an
// error. It is not a Mapper: CEL would look for a member and report it missing.
// A member that is null counts as not there.
type object struct {
	record *connectors.Record // nil: only fields
	fields map[string]any
	shape  *shape
}

var objectType = types.NewObjectType("object",
	traits.ContainerType, traits.IterableType, traits.SizerType)

// native returns a member as the record holds it; nil: it has none.
func (o *object) native(name string) any {
	if v, ok := o.fields[name]; ok && v != nil {
		return v
	}
	if o.record == nil {
		return nil
	}
	var v string
	switch name {
	case "id":
		v = o.record.Ref.ID
	case "number":
		v = o.record.Number
	case "url":
		v = o.record.URL
	}
	if v == "" {
		return nil
	}
	return v
}

func (o *object) Get(key ref.Val) ref.Val {
	name, ok := key.(types.String)
	if !ok {
		return nullValue{}
	}
	return o.shape.member(string(name)).NativeToValue(o.native(string(name)))
}

func (o *object) IsSet(key ref.Val) ref.Val {
	name, ok := key.(types.String)
	return types.Bool(ok && o.native(string(name)) != nil)
}

func (o *object) Contains(key ref.Val) ref.Val { return o.IsSet(key) }
func (o *object) IsZeroValue() bool            { return o.Size() == types.IntZero }

func (o *object) Size() ref.Val {
	n := 0
	for _, v := range o.fields {
		if v != nil {
			n++
		}
	}
	return types.Int(n)
}

// names returns the members that are not null, sorted: iterating over a record
// gives the same result each time.
func (o *object) names() []string {
	names := make([]string, 0, len(o.fields))
	for name, v := range o.fields {
		if v != nil {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func (o *object) Iterator() traits.Iterator {
	return types.NewStringList(types.DefaultTypeAdapter, o.names()).Iterator()
}

// mapper returns o as one of CEL's own maps.
func (o *object) mapper() traits.Mapper {
	entries := make(map[ref.Val]ref.Val, len(o.fields))
	for _, name := range o.names() {
		entries[types.String(name)] = o.Get(types.String(name))
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, entries)
}

func (o *object) Equal(other ref.Val) ref.Val {
	switch other := other.(type) {
	case *object:
		return o.mapper().Equal(other.mapper())
	case traits.Mapper:
		return o.mapper().Equal(other)
	}
	return types.False
}

func (o *object) ConvertToNative(t reflect.Type) (any, error) {
	return o.mapper().ConvertToNative(t)
}

func (o *object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return objectType
	}
	return types.WrapErr(errors.New("an object cannot be converted"))
}

func (o *object) Type() ref.Type { return objectType }
func (o *object) Value() any     { return o.fields }

// An orderedMap is a map that is gone through in the order of its keys, so that
// a comprehension gives the same result each time.
type orderedMap struct {
	traits.Mapper
	keys []ref.Val
}

func (m *orderedMap) Iterator() traits.Iterator {
	return types.NewRefValList(types.DefaultTypeAdapter, m.keys).Iterator()
}

// Fold goes through keys and values.
func (m *orderedMap) Fold(f traits.Folder) {
	for _, key := range m.keys {
		if !f.FoldEntry(key, m.Get(key)) {
			return
		}
	}
}

// foldable makes a value fit for a comprehension, which takes only lists and
// CEL's own maps.
func foldable(v ref.Val) ref.Val {
	var m traits.Mapper
	switch v := v.(type) {
	case *object:
		m = v.mapper()
	case nullValue:
		m = types.NewRefValMap(types.DefaultTypeAdapter, map[ref.Val]ref.Val{})
	case traits.Mapper:
		m = v
	default:
		return v
	}
	ordered := &orderedMap{Mapper: m}
	for it := m.Iterator(); it.HasNext() == types.True; {
		ordered.keys = append(ordered.keys, it.Next())
	}
	sort.SliceStable(ordered.keys, func(i, j int) bool { return less(ordered.keys[i], ordered.keys[j]) })
	return ordered
}

// less orders keys: by type, then by value.
func less(a, b ref.Val) bool {
	if x, y := a.Type().TypeName(), b.Type().TypeName(); x != y {
		return x < y
	}
	if a, ok := a.(traits.Comparer); ok {
		return a.Compare(b) == types.IntNegOne
	}
	return false
}

// lookup reads a table: fallback where the key is null or missing.
func lookup(args ...ref.Val) ref.Val {
	table, key, fallback := args[0], args[1], args[2]
	if isNull(key) {
		return fallback
	}
	switch table := table.(type) {
	case nullValue:
		return fallback
	case *object:
		if v := table.Get(key); !isNull(v) {
			return v
		}
		return fallback
	case traits.Mapper:
		v, found := table.Find(key)
		if !found || isNull(v) {
			return fallback
		}
		return v
	}
	return types.WrapErr(fmt.Errorf("lookup needs a map, not %s", typeName(table)))
}

// typeName names the type of a value in messages.
func typeName(v ref.Val) string {
	switch v.(type) {
	case nullValue, types.Null:
		return "null"
	case *object:
		return "an object"
	case types.String:
		return "a string"
	case types.Int:
		return "an int"
	case types.Uint:
		return "a uint"
	case types.Double:
		return "a double"
	case types.Bool:
		return "a bool"
	case types.Bytes:
		return "bytes"
	case types.Timestamp:
		return "a timestamp"
	case types.Duration:
		return "a duration"
	case *types.Optional:
		return "an optional value"
	case traits.Lister:
		return "a list"
	case traits.Mapper:
		return "a map"
	case ref.Type:
		return "a type"
	}
	return "a value"
}
