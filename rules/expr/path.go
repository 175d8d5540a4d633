package expr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A Path names a field: a variable, then the names that lead to the field, as
// in {"incident", "custom_fields", "Team"}. It ends before the first key that
// only evaluation knows.
type Path []string

// An Operand is a field reference of a condition with its value, as JSON.
type Operand struct {
	Path string // as an expression writes it: incident.custom_fields['Team']
	JSON string
}

// A selector is a field reference in an expression: the longest run of selections
// that begins at a variable.
type selector struct {
	root  string
	at    int32 // where the variable stands
	steps []step
}

// A step goes from a value into one of its members.
type step struct {
	name    string
	index   int64
	isIndex bool      // of a list
	quoted  bool      // written ['name']
	dynamic bool      // the key is evaluated
	key     *selector // that key, if it is a field reference
}

// bound are the variables of the comprehensions around an expression.
type bound map[string]bool

func (b bound) with(names ...string) bound {
	inner := make(bound, len(b)+len(names))
	for name := range b {
		inner[name] = true
	}
	for _, name := range names {
		inner[name] = true
	}
	return inner
}

// findSelectors lists the field references of the program in the order in which
// they are written, each once.
func (p *program) findSelectors() []*selector {
	var all []*selector
	p.walkSelectors(p.ast.Expr(), nil, &all)
	sort.SliceStable(all, func(i, j int) bool { return all[i].at < all[j].at })
	seen := make(map[string]bool, len(all))
	unique := all[:0]
	for _, c := range all {
		if text := c.String(); !seen[text] {
			seen[text] = true
			unique = append(unique, c)
		}
	}
	return unique
}

func (p *program) walkSelectors(e ast.Expr, b bound, all *[]*selector) {
	if c := p.selector(e, b); c != nil {
		*all = append(*all, c)
		p.walkKeys(e, b, all)
		return
	}
	switch e.Kind() {
	case ast.SelectKind:
		p.walkSelectors(e.AsSelect().Operand(), b, all)
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			p.walkSelectors(call.Target(), b, all)
		}
		for _, arg := range call.Args() {
			p.walkSelectors(arg, b, all)
		}
	case ast.ListKind:
		for _, elem := range e.AsList().Elements() {
			p.walkSelectors(elem, b, all)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			p.walkSelectors(entry.AsMapEntry().Key(), b, all)
			p.walkSelectors(entry.AsMapEntry().Value(), b, all)
		}
	case ast.StructKind:
		for _, field := range e.AsStruct().Fields() {
			p.walkSelectors(field.AsStructField().Value(), b, all)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		p.walkSelectors(c.IterRange(), b, all)
		p.walkSelectors(c.AccuInit(), b, all)
		loop := b.with(c.IterVar(), c.IterVar2(), c.AccuVar())
		p.walkSelectors(c.LoopCondition(), loop, all)
		p.walkSelectors(c.LoopStep(), loop, all)
		p.walkSelectors(c.Result(), b.with(c.AccuVar()), all)
	}
}

// walkKeys finds the field references within the keys of a selector.
func (p *program) walkKeys(e ast.Expr, b bound, all *[]*selector) {
	switch e.Kind() {
	case ast.SelectKind:
		p.walkKeys(e.AsSelect().Operand(), b, all)
	case ast.CallKind:
		args := e.AsCall().Args()
		p.walkKeys(args[0], b, all)
		p.walkSelectors(args[1], b, all)
	}
}

// selector reads an expression as a field reference, nil if it is something else.
func (p *program) selector(e ast.Expr, b bound) *selector {
	switch e.Kind() {
	case ast.IdentKind:
		// The checker writes a variable of the environment with a dot before
		// it where a comprehension has one of the same name.
		name, global := strings.CutPrefix(e.AsIdent(), ".")
		if _, ok := p.env.types[name]; !ok || b[name] && !global {
			return nil
		}
		at, _ := p.ast.SourceInfo().GetOffsetRange(e.ID())
		return &selector{root: name, at: at.Start}
	case ast.SelectKind:
		sel := e.AsSelect()
		return p.selector(sel.Operand(), b).add(step{name: sel.FieldName()})
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.OptSelect, operators.Index, operators.OptIndex:
		default:
			return nil
		}
		if len(call.Args()) != 2 {
			return nil
		}
		s := step{dynamic: true}
		if key := call.Args()[1]; key.Kind() == ast.LiteralKind {
			switch key := key.AsLiteral().(type) {
			case types.String:
				s = step{name: string(key), quoted: call.FunctionName() != operators.OptSelect}
			case types.Int:
				s = step{index: int64(key), isIndex: true}
			}
		} else {
			s.key = p.selector(key, b)
		}
		return p.selector(call.Args()[0], b).add(s)
	}
	return nil
}

func (c *selector) add(s step) *selector {
	if c != nil {
		c.steps = append(c.steps, s)
	}
	return c
}

// String returns the reference as an expression writes it.
func (c *selector) String() string {
	var b strings.Builder
	b.WriteString(c.root)
	for _, s := range c.steps {
		switch {
		case s.dynamic && s.key != nil:
			b.WriteString("[" + s.key.String() + "]")
		case s.dynamic:
			b.WriteString("[…]")
		case s.isIndex:
			b.WriteString("[" + strconv.FormatInt(s.index, 10) + "]")
		case s.quoted:
			b.WriteString("['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s.name) + "']")
		default:
			b.WriteString("." + s.name)
		}
	}
	return b.String()
}

// path returns the reference as far as it is known without evaluation.
func (c *selector) path() Path {
	path := Path{c.root}
	for _, s := range c.steps {
		if s.dynamic || s.isIndex {
			break
		}
		path = append(path, s.name)
	}
	return path
}

// resolve returns the value of the reference; false where a key cannot be known
// without evaluation.
func (c *selector) resolve(vars map[string]any) (any, bool) {
	v := vars[c.root]
	for _, s := range c.steps {
		name, index, isIndex := s.name, s.index, s.isIndex
		if s.dynamic {
			if s.key == nil {
				return nil, false
			}
			key, ok := s.key.resolve(vars)
			if !ok {
				return nil, false
			}
			name, _ = key.(string)
			index, isIndex = key.(int64)
		}
		if isIndex {
			list, _ := v.([]any)
			if index < 0 || index >= int64(len(list)) {
				return nil, true
			}
			v = list[index]
			continue
		}
		v = memberOf(v, name)
	}
	return v, true
}

// memberOf returns what a native value holds under a name, nil if nothing.
func memberOf(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		return v[name]
	case connectors.Record:
		return (&object{record: &v, fields: v.Fields}).native(name)
	case *connectors.Record:
		if v != nil {
			return (&object{record: v, fields: v.Fields}).native(name)
		}
	}
	return nil
}

// operands returns the values of the references.
func (p *program) operands(vars map[string]any) []Operand {
	var all []Operand
	for _, c := range p.selectors {
		if v, ok := c.resolve(vars); ok {
			all = append(all, Operand{Path: c.String(), JSON: toJSON(v)})
		}
	}
	return all
}

func toJSON(v any) string {
	v = shortened(fieldsOf(v))
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return strconv.Quote(fmt.Sprint(v)) // NaN and infinities
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// reads returns the distinct paths of references.
func reads(programs ...*program) []Path {
	var all []Path
	seen := map[string]bool{}
	for _, p := range programs {
		for _, c := range p.selectors {
			path := c.path()
			if key := strings.Join(path, "\x00"); !seen[key] {
				seen[key] = true
				all = append(all, path)
			}
		}
	}
	return all
}
