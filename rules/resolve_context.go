package rules

import (
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// unmarkedContext returns the context without marks, which Go structs cannot hold.
func (l *evaluator) unmarkedContext() *hcl.EvalContext {
	if l.unmarked != nil {
		return l.unmarked
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: map[string]function.Function{}}
	for name, v := range l.context.Variables {
		ctx.Variables[name], _ = plain(v)
	}
	maps.Copy(ctx.Functions, l.functions)
	for _, name := range []string{"env", "file", "sensitive"} {
		ctx.Functions[name] = unmarked(l.functions[name])
	}
	l.unmarked = ctx
	return ctx
}

// unmarked returns a function of one argument whose result has no marks.
func unmarked(f function.Function) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			return f.ReturnType([]cty.Type{args[0].Type()})
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			if err != nil {
				return cty.NilVal, err
			}
			v, _ = plain(v)
			return v, nil
		},
	})
}
