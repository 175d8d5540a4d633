package rules

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// sensitiveMark is on every value that came from env() or a sensitive variable.
const sensitiveMark = "sensitive"

// unsetMark is on every value that rests on env() of what an offline command does not
// have: it is empty there, and what is made of it may be anything.
const unsetMark = "unset"

// An envReader reads environment variables.
type envReader struct {
	lookup  func(name string) (string, bool)
	offline bool
	unset   bool // one was read that is not there
}

// hclFunctions returns the functions of HCL expressions: cty's under the names
// that Terraform gives them, and those that read what is outside. ref is not
// among them: it is syntax, for the places in its strings must not be lost.
func hclFunctions(r *reader, env *envReader) map[string]function.Function {
	all := map[string]function.Function{
		"env": env.function(), "file": fileFunction(r), "sensitive": sensitiveFunction(),
	}
	maps.Copy(all, pureFunctions())
	return all
}

func pureFunctions() map[string]function.Function {
	return map[string]function.Function{
		// Numbers.
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "log": stdlib.LogFunc,
		"max": stdlib.MaxFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc,
		"signum": stdlib.SignumFunc,
		// Texts.
		"chomp": stdlib.ChompFunc, "endswith": affixFunction(strings.HasSuffix), "format": stdlib.FormatFunc,
		"formatlist": stdlib.FormatListFunc, "indent": stdlib.IndentFunc, "join": stdlib.JoinFunc,
		"lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
		"replace": replaceFunction(), "split": stdlib.SplitFunc, "startswith": affixFunction(strings.HasPrefix),
		"strcontains": affixFunction(strings.Contains), "strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc,
		"title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,
		// Collections.
		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
		"index": stdlib.IndexFunc, "keys": stdlib.KeysFunc, "length": lengthFunction(), "lookup": stdlib.LookupFunc,
		"merge": stdlib.MergeFunc, "range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc,
		"setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc,
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc,
		"sort": stdlib.SortFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
		// Formats and dates.
		"csvdecode": stdlib.CSVDecodeFunc, "formatdate": stdlib.FormatDateFunc, "jsondecode": stdlib.JSONDecodeFunc,
		"jsonencode": stdlib.JSONEncodeFunc, "timeadd": stdlib.TimeAddFunc,
		// Conversions.
		"can": tryfunc.CanFunc, "try": tryfunc.TryFunc,
		"tobool": stdlib.MakeToFunc(cty.Bool), "tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
		"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)), "tonumber": stdlib.MakeToFunc(cty.Number),
		"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), "tostring": stdlib.MakeToFunc(cty.String),
	}
}

func (e *envReader) function() function.Function {
	return namedFunction("name", func(name, shown string) (cty.Value, error) {
		value, ok := e.lookup(name)
		if !ok && e.offline {
			e.unset = true
			return cty.StringVal("").WithMarks(cty.NewValueMarks(sensitiveMark, unsetMark)), nil
		}
		if !ok {
			return cty.NilVal, &advisedError{
				fmt.Sprintf("the environment variable %s is not set", shown),
				"Set it in the environment of the command that talks to the systems, empty if it is to be empty. " +
					"Offline commands, such as check and explain, take it as empty.",
			}
		}
		return cty.StringVal(value).Mark(sensitiveMark), nil
	})
}

func fileFunction(r *reader) function.Function {
	return namedFunction("path", func(path, shown string) (cty.Value, error) {
		content, outside, err := r.include(path)
		if err != nil {
			return cty.NilVal, &advisedError{strings.ReplaceAll(err.Error(), path, shown), "A path is relative to the configuration directory, " + r.dir + "."}
		}
		v := cty.StringVal(content)
		if outside {
			v = v.Mark(sensitiveMark)
		}
		return v, nil
	})
}

// namedFunction returns a function of one text that names something outside. Messages
// name it as it is shown, which of a sensitive text says nothing.
func namedFunction(param string, do func(name, shown string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: param, Type: cty.String, AllowMarked: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			arg, marks := args[0].Unmark()
			name := arg.AsString()
			shown := name
			if len(marks) > 0 {
				shown = "(sensitive)"
			}
			v, err := do(name, shown)
			if err != nil {
				return cty.NilVal, err
			}
			return v.WithMarks(marks), nil
		},
	})
}

func sensitiveFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowMarked: true, AllowDynamicType: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return args[0].Mark(sensitiveMark), nil },
	})
}

func affixFunction(holds func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "str", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(holds(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// lengthFunction returns cty's, which also counts the characters of a string, as
// Terraform's does.
func lengthFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			switch t := args[0].Type(); {
			case t == cty.String:
				return stdlib.Strlen(args[0])
			case t.IsTupleType():
				return cty.NumberIntVal(int64(t.Length())), nil
			case t.IsObjectType():
				return cty.NumberIntVal(int64(len(t.AttributeTypes()))), nil
			case t.IsCollectionType():
				return args[0].Length(), nil
			}
			return cty.NilVal, errors.New("only a string, a list, a set, a map or an object has a length")
		},
	})
}

// replaceFunction takes a pattern between slashes for a regular expression, as
// Terraform's does.
func replaceFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "str", Type: cty.String}, {Name: "substr", Type: cty.String}, {Name: "replace", Type: cty.String},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			pattern := args[1].AsString()
			if len(pattern) > 1 && strings.HasPrefix(pattern, "/") && strings.HasSuffix(pattern, "/") {
				return stdlib.RegexReplace(args[0], cty.StringVal(pattern[1:len(pattern)-1]), args[2])
			}
			return stdlib.Replace(args[0], args[1], args[2])
		},
	})
}
