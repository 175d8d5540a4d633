package expr

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
)

// A Variable is a name that expressions see.
type Variable struct {
	Name string
	Type connectors.Type
	// Schema, if set, makes the variable a record of this type, which also has
	// id, number and url. Type is not looked at then.
	Schema *connectors.Schema
	// Nested, if set, makes the variable an object with these members, which
	// the keys name. Type is not looked at then.
	Nested map[string]Variable
	// Fixed, of a variable with members, are the values of those that are known when
	// expressions are compiled, and are the same whenever they are evaluated. One
	// that is nil is not known.
	Fixed map[string]any
}

// A Language is what every expression may say: CEL with the functions of its
// libraries, before any variable is declared. To build it takes longer than to
// compile most expressions, so environments share one. It is safe for concurrent
// use.
type Language struct {
	base      *cel.Env
	registry  types.Provider // of no types but CEL's own
	guarded   map[string]guardedFunction
	costLimit uint64 // of one evaluation, in CEL's units
}

// NewLanguage builds the language.
func NewLanguage() (*Language, error) {
	labelSharedErrors()
	base, err := cel.NewCustomEnv(libraries()...)
	if err != nil {
		return nil, fmt.Errorf("CEL environment: %w", err)
	}
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("CEL types: %w", err)
	}
	guarded, err := guardedFunctions(base)
	if err != nil {
		return nil, fmt.Errorf("CEL functions: %w", err)
	}
	return &Language{base: base, registry: registry, guarded: guarded, costLimit: costLimit}, nil
}

// An Env is what the expressions of one position may name. It is safe for
// concurrent use.
type Env struct {
	language *Language
	cel      *cel.Env // of the language, with the variables
	names    []string // of the variables, sorted
	types    map[string]*types.Type
	shapes   map[string]*shape
	known    *typeSet
	compiled sync.Map // *compiled by the expression as it is written
	// fixedMembers are the values that Fixed gives, by variable and member; fixedVars the
	// same as they are evaluated.
	fixedMembers map[string]map[string]any
	fixedVars    map[string]any
}

// The names of functions that expressions cannot write.
const (
	lookupName   = "lookup"
	foldableName = "@foldable"
)

// Env declares variables. It changes nothing of the language.
func (l *Language) Env(vars []Variable) (*Env, error) {
	known := newTypeSet(l.registry)
	e := &Env{
		language:     l,
		types:        make(map[string]*types.Type, len(vars)),
		shapes:       make(map[string]*shape, len(vars)),
		known:        known,
		fixedMembers: map[string]map[string]any{},
		fixedVars:    map[string]any{},
	}
	opts := make([]cel.EnvOption, 0, len(vars)+2)
	for _, v := range vars {
		if _, ok := e.types[v.Name]; ok {
			return nil, fmt.Errorf("duplicate variable %q", v.Name)
		}
		t, s := known.variable(v.Name, v)
		e.types[v.Name] = t
		e.shapes[v.Name] = s
		e.names = append(e.names, v.Name)
		if v.Fixed != nil {
			e.fixedMembers[v.Name], e.fixedVars[v.Name] = v.Fixed, v.Fixed
		}
		opts = append(opts, cel.Variable(v.Name, t))
	}
	sort.Strings(e.names)
	opts = append(opts, cel.CustomTypeProvider(known), cel.CustomTypeAdapter(recordShape()))
	var err error
	if e.cel, err = l.base.Extend(opts...); err != nil {
		return nil, fmt.Errorf("CEL environment: %w", err)
	}
	return e, nil
}

// libraries returns the options of the language.
func libraries() []cel.EnvOption {
	key, value := cel.TypeParamType("K"), cel.TypeParamType("V")
	return []cel.EnvOption{
		cel.ExpressionNodeLimit(maxNodes),
		cel.StdLib(),
		cel.OptionalTypes(),
		cel.EagerlyValidateDeclarations(true),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.EnableIdentifierEscapeSyntax(),
		ext.Strings(), ext.Lists(), ext.Sets(), ext.Math(), ext.Encoders(), ext.Regex(),
		ext.Bindings(), ext.TwoVarComprehensions(),
		// Bound for the whole function: the guards of an overload would refuse
		// null and records.
		cel.Function(lookupName,
			cel.Overload("lookup_map_key_default", []*cel.Type{cel.MapType(key, value), key, value}, value),
			cel.SingletonFunctionBinding(lookup)),
		cel.Function(foldableName,
			cel.Overload("foldable_any", []*cel.Type{value}, value),
			cel.SingletonUnaryBinding(foldable)),
	}
}

// activation is what a program sees of the variables.
type activation struct {
	env  *Env
	vars map[string]any
}

// ResolveName gives a variable's value; one that is declared and not given is
// null.
func (a *activation) ResolveName(name string) (any, bool) {
	s, ok := a.env.shapes[name]
	if !ok {
		return nil, false
	}
	return s.NativeToValue(a.vars[name]), true
}

func (a *activation) Parent() cel.Activation { return nil }

// A structType is an object type that is known to the checker.
type structType struct {
	label  string // in messages
	fields map[string]*types.Type
	schema *connectors.Schema // nil: no record
}

// names returns the fields, sorted.
func (s *structType) names() []string {
	names := make([]string, 0, len(s.fields))
	for name := range s.fields {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// field returns the type of a field; false: it has no such field.
func (s *structType) field(name string) (*types.Type, bool) {
	if t, ok := s.fields[name]; ok {
		return t, true
	}
	if s.schema == nil {
		return nil, false
	}
	if hasFreePrefix(s.schema, name) {
		return types.DynType, true
	}
	switch s.schema.Unlisted {
	case connectors.AllowUnknown:
		return types.DynType, true
	case connectors.SuspectUnknown:
		if nearest.Name(name, s.names()) == "" {
			return types.DynType, true
		}
	}
	return nil, false
}

func hasFreePrefix(s *connectors.Schema, name string) bool {
	return slices.ContainsFunc(s.FreePrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// unlisted reports whether a field is taken though nobody knows it.
func (s *structType) unlisted(name string) bool {
	if s.schema == nil || s.schema.Unlisted != connectors.SuspectUnknown || hasFreePrefix(s.schema, name) {
		return false
	}
	_, listed := s.fields[name]
	return !listed
}

// A typeSet knows the object types of an environment. It is CEL's type
// provider.
type typeSet struct {
	types.Provider
	structs map[string]*structType
	// What is already made: the record of a schema, and the objects within it
	// by the schema and the object's name, for these are one type wherever they
	// stand.
	schemas map[*connectors.Schema]*types.Type
	objects map[objectKey]*types.Type
}

type objectKey struct {
	schema *connectors.Schema
	name   string
}

func newTypeSet(p types.Provider) *typeSet {
	return &typeSet{
		Provider: p,
		structs:  map[string]*structType{},
		schemas:  map[*connectors.Schema]*types.Type{},
		objects:  map[objectKey]*types.Type{},
	}
}

// FindStructType finds an object type by its name.
func (s *typeSet) FindStructType(name string) (*types.Type, bool) {
	if _, ok := s.structs[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return s.Provider.FindStructType(name)
}

// FindStructFieldNames lists the fields of an object type.
func (s *typeSet) FindStructFieldNames(name string) ([]string, bool) {
	if t, ok := s.structs[name]; ok {
		return t.names(), true
	}
	return s.Provider.FindStructFieldNames(name)
}

// FindStructFieldType finds the type of an object's field.
func (s *typeSet) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	t, ok := s.structs[name]
	if !ok {
		return s.Provider.FindStructFieldType(name, field)
	}
	ft, ok := t.field(field)
	if !ok {
		return nil, false
	}
	return &types.FieldType{Type: ft}, true
}

// NewValue makes no objects: expressions have no way to write one.
func (s *typeSet) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := s.structs[name]; ok {
		return types.NewErr("objects cannot be made")
	}
	return s.Provider.NewValue(name, fields)
}

// variable makes the type and the shape of a variable or of a nested one.
// path is how expressions name it.
func (s *typeSet) variable(path string, v Variable) (*types.Type, *shape) {
	switch {
	case v.Schema != nil:
		return s.record(v.Schema), recordShape()
	case v.Nested != nil:
		st := &structType{label: path, fields: make(map[string]*types.Type, len(v.Nested))}
		sh := recordShape()
		sh.members = make(map[string]*shape, len(v.Nested))
		for name, member := range v.Nested {
			st.fields[name], sh.members[name] = s.variable(path+"."+name, member)
		}
		return s.add(path, st), sh
	}
	return s.convert(v.Type, nil, path), shapeOf(v.Type)
}

// record returns the type of a record.
func (s *typeSet) record(schema *connectors.Schema) *types.Type {
	if t, ok := s.schemas[schema]; ok {
		return t
	}
	st := &structType{label: schema.Record, schema: schema, fields: make(map[string]*types.Type, len(schema.Fields)+3)}
	t := s.add(schema.Record, st)
	s.schemas[schema] = t
	for _, name := range []string{"id", "number", "url"} {
		st.fields[name] = types.StringType
	}
	for name, field := range schema.Fields {
		st.fields[name] = s.convert(field.Type, schema, schema.Record+"."+name)
	}
	return t
}

// add names an object type and keeps it. The slash keeps expressions from
// naming it: CEL takes "a.b" for a type before it takes it for a field of a.
func (s *typeSet) add(path string, st *structType) *types.Type {
	name := "/" + path
	for n := 2; s.structs[name] != nil; n++ {
		name = fmt.Sprintf("/%s/%d", path, n)
	}
	s.structs[name] = st
	return types.NewObjectType(name)
}

// convert turns a type into one of CEL's. schema is the one it is part of, nil
// if none; path is where it stands.
func (s *typeSet) convert(t connectors.Type, schema *connectors.Schema, path string) *types.Type {
	switch t.Kind {
	case connectors.String, connectors.Text, connectors.Reference:
		return types.StringType
	case connectors.Int:
		return types.IntType
	case connectors.Double:
		return types.DoubleType
	case connectors.Bool:
		return types.BoolType
	case connectors.Time:
		return types.TimestampType
	case connectors.List:
		return types.NewListType(s.element(t, schema, path))
	case connectors.Map:
		return types.NewMapType(types.StringType, s.element(t, schema, path))
	case connectors.Object:
		return s.object(t, schema, path)
	}
	return types.DynType
}

// object returns the type of an object.
func (s *typeSet) object(t connectors.Type, schema *connectors.Schema, path string) *types.Type {
	key := objectKey{schema, t.Name}
	named := schema != nil && t.Name != ""
	if made, ok := s.objects[key]; ok && named {
		return made
	}
	st := &structType{label: path, fields: make(map[string]*types.Type, len(t.Fields))}
	ct := s.add(path, st)
	if named {
		st.label = t.Name
		s.objects[key] = ct
	}
	for name, field := range t.Fields {
		st.fields[name] = s.convert(field, schema, path+"."+name)
	}
	return ct
}

func (s *typeSet) element(t connectors.Type, schema *connectors.Schema, path string) *types.Type {
	if t.Elem == nil {
		return types.DynType
	}
	return s.convert(*t.Elem, schema, path)
}

// back turns a type of CEL's into one of ours.
func (s *typeSet) back(t *types.Type) connectors.Type {
	switch t.Kind() {
	case types.StringKind, types.DurationKind:
		return connectors.Type{Kind: connectors.String}
	case types.IntKind, types.UintKind:
		return connectors.Type{Kind: connectors.Int}
	case types.DoubleKind:
		return connectors.Type{Kind: connectors.Double}
	case types.BoolKind:
		return connectors.Type{Kind: connectors.Bool}
	case types.TimestampKind:
		return connectors.Type{Kind: connectors.Time}
	case types.ListKind:
		return connectors.ListOf(s.back(t.Parameters()[0]))
	case types.MapKind:
		return connectors.MapOf(s.back(t.Parameters()[1]))
	case types.OpaqueKind:
		if t.TypeName() == "optional_type" {
			return s.back(t.Parameters()[0])
		}
	case types.StructKind:
		st, ok := s.structs[t.TypeName()]
		if !ok {
			break
		}
		fields := make(map[string]connectors.Type, len(st.fields))
		for name, field := range st.fields {
			fields[name] = s.back(field)
		}
		return connectors.ObjectOf(st.label, fields)
	}
	return connectors.Type{}
}
