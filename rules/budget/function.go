package budget

import (
	"errors"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// Functions returns the functions with a guard each: before one runs, its arguments
// are measured, and what it may make of them.
func (m *Meter) Functions(all map[string]function.Function) map[string]function.Function {
	guarded := make(map[string]function.Function, len(all))
	for name, f := range all {
		switch name {
		case "try", "can": // they take expressions, which are guarded themselves
			guarded[name] = f
		default:
			guarded[name] = m.function(name, f)
		}
	}
	return guarded
}

func (m *Meter) function(name string, f function.Function) function.Function {
	// cty asks for the type first, which can be as much work as the call: the call
	// is made then, and its result is what Impl returns.
	var made cty.Value
	return function.New(&function.Spec{
		Description: f.Description(), Params: f.Params(), VarParam: f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := m.before(name, args); err != nil {
				return cty.NilType, err
			}
			v, err := f.Call(args)
			if err != nil {
				return cty.NilType, plain(err)
			}
			if err := m.made(v); err != nil {
				return cty.NilType, err
			}
			made = v
			return v.Type(), nil
		},
		Impl: func([]cty.Value, cty.Type) (cty.Value, error) { return made, nil },
	})
}

// plain returns an error of a function without the stack that cty puts into one of a
// function that panicked.
func plain(err error) error {
	if panicked, ok := errors.AsType[function.PanicError](err); ok {
		return &Error{"it failed", source.Panicked(panicked.Value)}
	}
	return err
}

// The steps that a call takes for each element of its arguments: HCL and cty look
// at all of them several times over, for marks and for types.
const (
	perElement    = 8
	perComparison = 40
)

// comparing are the functions that compare elements.
var comparing = map[string]bool{
	"contains": true, "index": true, "distinct": true, "sort": true,
	"setintersection": true, "setsubtract": true, "setunion": true, "toset": true, "setproduct": true,
}

// before refuses a call that would make more than is left.
func (m *Meter) before(name string, args []cty.Value) error {
	if m.spent != nil {
		return m.spent
	}
	var bytes, steps int64
	estimate := estimates[name]
	known := estimate != nil
	each := int64(perElement)
	if comparing[name] {
		each = perComparison
	}
	for _, arg := range args {
		size, n, err := m.measure(arg)
		if err != nil {
			return m.refuse(err)
		}
		bytes, steps = bytes+size, steps+n*each
		known = known && arg.IsWhollyKnown() && !arg.IsNull()
	}
	made := bytes // most functions make no more than they are given
	if known {
		unmarked := make([]cty.Value, len(args))
		for i, arg := range args {
			unmarked[i], _ = arg.UnmarkDeep()
		}
		e, err := estimate(unmarked, bytes)
		if err != nil {
			return err
		}
		made, steps = e.bytes, steps+e.steps
	}
	if made > m.bytes {
		m.spent = errBytes
		return m.spent
	}
	if err := m.take(0, steps); err != nil {
		return err
	}
	return nil
}
