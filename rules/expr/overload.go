package expr

import (
	"fmt"
	"sort"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/connectors/nearest"
)

// overloadAdvice explains why an operator or a function does not take its
// arguments, whose types are given as CEL names them.
func (p *program) overloadAdvice(e ast.Expr, function string, args []string) (summary, detail string) {
	var operands []ast.Expr
	if e != nil && e.Kind() == ast.CallKind {
		operands = e.AsCall().Args()
		if e.AsCall().IsMemberFunction() {
			operands = append([]ast.Expr{e.AsCall().Target()}, operands...)
		}
	}
	two := len(args) == 2 && len(operands) == 2
	names := make([]string, len(args))
	for i, t := range args {
		names[i] = describe(t)
	}
	switch {
	case two && (function == operators.Equals || function == operators.NotEquals):
		return fmt.Sprintf("cannot compare %s with %s", names[0], names[1]),
			p.compareAdvice(operands, args, operatorName(function))
	case two && (function == operators.Less || function == operators.LessEquals || function == operators.Greater || function == operators.GreaterEquals):
		return fmt.Sprintf("cannot order %s and %s", names[0], names[1]),
			p.compareAdvice(operands, args, operatorName(function))
	case two && (args[0] == "uint" && args[1] == "int" || args[0] == "int" && args[1] == "uint") && operatorName(function) != "":
		verb := map[string]string{operators.Add: "add", operators.Subtract: "subtract", operators.Multiply: "multiply", operators.Divide: "divide"}[function]
		if verb == "" {
			verb = "use " + operatorName(function) + " with"
		}
		return fmt.Sprintf("cannot %s %s and %s", verb, names[0], names[1]), p.unsignedAdvice(operands, args)
	case two && function == operators.Add:
		return fmt.Sprintf("cannot add %s and %s", names[0], names[1]), p.addAdvice(operands, args)
	case two && function == operators.In:
		return fmt.Sprintf("cannot look for %s in %s", names[0], names[1]), p.inAdvice(operands, args)
	case two && (function == operators.Index || function == operators.OptIndex):
		return fmt.Sprintf("cannot take an element of %s by %s", names[0], names[1]), p.indexAdvice(operands, args)
	case function == operators.Conditional && len(args) == 3:
		if args[0] != "bool" && args[0] != "dyn" {
			return fmt.Sprintf("the condition before ? must be a bool, not %s", names[0]),
				"Compare it with something first, as in X == 'text' ? A : B."
		}
		return fmt.Sprintf("the branches of ?: are %s and %s", names[1], names[2]),
			"Both branches must have one type; null goes with every type. Convert one, for instance with string(…)."
	case function == operators.LogicalNot && len(args) == 1:
		return fmt.Sprintf("! needs a bool, not %s", names[0]),
			"! turns true into false. To ask whether something is there, write X != null."
	}
	if operator := operatorName(function); operator != "" {
		return fmt.Sprintf("%s does not work on %s", operator, strings.Join(names, " and ")),
			fmt.Sprintf("The operator %s takes two numbers of one type, not %s.", operator, strings.Join(names, " and "))
	}
	name := function
	if function == foldableName {
		return "cannot go through " + strings.Join(names, " and "), "A comprehension goes through a list or a map."
	}
	member := e != nil && e.Kind() == ast.CallKind && e.AsCall().IsMemberFunction()
	given := names
	if member && len(names) > 0 {
		given = names[1:]
	}
	if member && len(names) > 0 {
		name += " of " + names[0]
	}
	summary = name + " needs an argument"
	if len(given) > 0 {
		summary = fmt.Sprintf("%s does not take %s", name, list(given))
	}
	if function == lookupName {
		detail = "It is called as lookup(MAP, KEY, DEFAULT). KEY must have the type of the map's keys, DEFAULT that of its values, or be null."
		if len(args) > 0 && len(operands) > 0 && p.env.known.structs[args[0]] != nil {
			text := p.exprText(operands[0])
			detail = fmt.Sprintf("%s is an object, not a map, for what it holds has different types: select it with a dot.", text)
		}
		return summary, detail
	}
	return summary, p.signatures(function)
}

// signatures lists the ways in which a function is called.
func (p *program) signatures(function string) string {
	f, ok := p.env.cel.Functions()[function]
	if !ok {
		return "See CEL's documentation for what it takes."
	}
	var ways []string
	for _, o := range f.OverloadDecls() {
		args := make([]string, len(o.ArgTypes()))
		for i, t := range o.ArgTypes() {
			args[i] = plainType(t)
		}
		if o.IsMemberFunction() {
			ways = append(ways, fmt.Sprintf("%s.%s(%s)", args[0], function, strings.Join(args[1:], ", ")))
		} else {
			ways = append(ways, fmt.Sprintf("%s(%s)", function, strings.Join(args, ", ")))
		}
	}
	const most = 4
	if len(ways) > most {
		ways = ways[:most]
	}
	return "It is called as " + strings.Join(ways, " or ") + "."
}

// plainType returns a type within a signature.
func plainType(t *types.Type) string {
	switch t.Kind() {
	case types.ListKind:
		return "list"
	case types.MapKind:
		return "map"
	case types.DynKind, types.TypeParamKind:
		return "value"
	case types.TimestampKind:
		return "timestamp"
	case types.DurationKind:
		return "duration"
	case types.OpaqueKind:
		return "optional"
	}
	return t.TypeName()
}

// compareAdvice says how to compare two operands of different types.
func (p *program) compareAdvice(operands []ast.Expr, args []string, operator string) string {
	for i, literal := range operands {
		if literal.Kind() != ast.LiteralKind {
			continue
		}
		other := 1 - i
		text := p.exprText(operands[other])
		if text == "" {
			text = "The other side"
		}
		if operands[other].Kind() == ast.LiteralKind && args[i] == "double" && args[other] == "int" {
			continue // it is the whole number that is to be written otherwise
		}
		written := p.nodeText(literal.ID())
		is := fmt.Sprintf("%s is %s", text, describe(args[other]))
		number, isNumeric := isNumber(literal)
		switch {
		case isNumeric && (args[other] == "int" || args[other] == "double"):
			return fmt.Sprintf("%s: write %s without quotes.", is, number)
		case args[i] == "string" && args[other] == "bool":
			return fmt.Sprintf("%s: compare it with true or false, without quotes.", is)
		case args[other] == "string" && (args[i] == "int" || args[i] == "double" || args[i] == "bool"):
			return fmt.Sprintf("%s: write '%s' in quotes.", is, written)
		case args[other] == "double" && args[i] == "int" && operands[other].Kind() == ast.LiteralKind:
			return fmt.Sprintf("%s: write %s.0 in place of %s.", is, written, written)
		case args[other] == "double" && args[i] == "int":
			return fmt.Sprintf("%s: write %s.0.", is, written)
		case args[other] == "int" && args[i] == "double":
			return is + ": write a whole number."
		case isTimestamp(args[other]) && args[i] == "string":
			return fmt.Sprintf("%s: write timestamp('%s').", is, fullTime(literal))
		case strings.HasPrefix(args[other], "list("):
			return fmt.Sprintf("%s: to ask whether it holds %s, write %s in %s.", is, written, written, text)
		}
	}
	for i, t := range args {
		st := p.env.known.structs[t]
		if st == nil {
			continue
		}
		text := p.exprText(operands[i])
		if text == "" {
			text = "One side"
		}
		return fmt.Sprintf("%s is an object: compare one of its fields, which are %s, or compare it with null.", text, list(st.names()))
	}
	return fmt.Sprintf("Both sides of %s must have the same type.", operator)
}

func isTimestamp(t string) bool {
	return t == "timestamp" || t == "google.protobuf.Timestamp"
}

func (p *program) addAdvice(operands []ast.Expr, args []string) string {
	for i, t := range args {
		if t != "string" {
			continue
		}
		other := 1 - i
		text := p.exprText(operands[other])
		if text == "" {
			text = "…"
		}
		if strings.HasPrefix(args[other], "list(") {
			return fmt.Sprintf("A string can be added to a string only: write %s.join(', ').", text)
		}
		return fmt.Sprintf("A string can be added to a string only: write string(%s).", text)
	}
	return "+ adds two numbers of one type, two strings, two lists, or a duration to a timestamp."
}

// unsignedAdvice says how to write a number that is not to be unsigned.
func (p *program) unsignedAdvice(operands []ast.Expr, args []string) string {
	for i, t := range args {
		if t != "uint" {
			continue
		}
		if written := p.exprText(operands[i]); operands[i].Kind() == ast.LiteralKind {
			return fmt.Sprintf("%s is unsigned, and records have ints alone: write %s.", written, strings.TrimRight(written, "uU"))
		}
		return "Records have ints alone: write int(…) for what is unsigned."
	}
	return ""
}

func (p *program) inAdvice(operands []ast.Expr, args []string) string {
	if args[1] == "string" && args[0] == "string" {
		left, right := p.exprText(operands[0]), p.exprText(operands[1])
		if left != "" && right != "" {
			return fmt.Sprintf("To look for a string in a string, write %s.contains(%s). To compare with a choice of strings, write a list: X in ['a', 'b'].", right, left)
		}
		return "To look for a string in a string, write X.contains('text'). To compare with a choice of strings, write a list: X in ['a', 'b']."
	}
	if strings.HasPrefix(args[1], "list(") || strings.HasPrefix(args[1], "map(") {
		return "What is looked for must have the type of the list's elements, or of the map's keys."
	}
	return "On the right of in stands a list, as in X in ['a', 'b'], or a map, whose keys are looked at."
}

func (p *program) indexAdvice(operands []ast.Expr, args []string) string {
	if st := p.env.known.structs[args[0]]; st != nil {
		owner := p.exprText(operands[0])
		if owner == "" {
			owner = "X"
		}
		return fmt.Sprintf("%s is an object: select a field with a dot, as in %s.%s.", owner, owner, first(st.names(), "name"))
	}
	switch {
	case strings.HasPrefix(args[0], "list("):
		return "A list is indexed by an int, as in X[0]."
	case strings.HasPrefix(args[0], "map(string"):
		return "This map is indexed by a string, as in X['name']."
	}
	return "Only lists and maps have elements."
}

func first(names []string, fallback string) string {
	if len(names) == 0 {
		return fallback
	}
	return names[0]
}

// macros are how the macros are written.
var macros = map[string]string{
	"has":               "has(X.FIELD)",
	"all":               "LIST.all(x, CONDITION)",
	"exists":            "LIST.exists(x, CONDITION)",
	"exists_one":        "LIST.exists_one(x, CONDITION)",
	"existsOne":         "LIST.existsOne(k, v, CONDITION)",
	"filter":            "LIST.filter(x, CONDITION)",
	"map":               "LIST.map(x, VALUE)",
	"transformList":     "MAP.transformList(k, v, VALUE)",
	"transformMap":      "MAP.transformMap(k, v, VALUE)",
	"transformMapEntry": "MAP.transformMapEntry(k, v, {KEY: VALUE})",
	"sortBy":            "LIST.sortBy(x, KEY)",
	"cel.bind":          "cel.bind(x, VALUE, EXPRESSION)",
	"optMap":            "OPTIONAL.optMap(x, VALUE)",
	"optFlatMap":        "OPTIONAL.optFlatMap(x, OPTIONAL)",
	"math.greatest":     "math.greatest(A, B)",
	"math.least":        "math.least(A, B)",
}

// functionName returns the name of an unknown function with its namespace.
func (p *program) functionName(e ast.Expr) string {
	call := e.AsCall()
	if call.IsMemberFunction() && call.Target().Kind() == ast.IdentKind && p.isNamespace(call.Target().AsIdent()) {
		return call.Target().AsIdent() + "." + call.FunctionName()
	}
	return call.FunctionName()
}

// functionAdvice says what one may have meant with an unknown function.
func (p *program) functionAdvice(e ast.Expr) string {
	name := p.functionName(e)
	if written, ok := macros[name]; ok {
		return "It is written " + written + "."
	}
	var known []string
	for function := range p.env.cel.Functions() {
		if function[0] >= 'a' && function[0] <= 'z' {
			known = append(known, function)
		}
	}
	for macro := range macros {
		known = append(known, macro)
	}
	sort.Strings(known)
	if near := nearest.Name(name, known); near != "" {
		return "Did you mean " + quote(near) + "?"
	}
	switch name {
	case "len", "length", "count":
		return "Write size(X)."
	case "lower", "toLower", "lowercase":
		return "Write X.lowerAscii()."
	case "upper", "toUpper", "uppercase":
		return "Write X.upperAscii()."
	case "ref":
		return p.refAdvice(e)
	case "env", "file", "jsondecode", "format":
		return "It is a function of HCL, not of CEL: write ${" + name + "(…)}, or name its result in locals."
	}
	return "CEL has no function of this name. HCL's functions stand in ${ … }."
}

// refAdvice shows a call of ref where it is to stand.
func (p *program) refAdvice(e ast.Expr) string {
	written := `ref("KEY", "{{ … }}")`
	if args := e.AsCall().Args(); len(args) > 1 && args[0].Kind() == ast.LiteralKind {
		value := "…"
		if text := p.exprText(args[1]); text != "" {
			value = text
		}
		written = fmt.Sprintf(`ref(%q, "{{ %s }}")`, fmt.Sprint(args[0].AsLiteral().Value()), value)
	}
	return "It is a function of HCL, which stands in the place of the text: FIELD = " + written + "."
}
