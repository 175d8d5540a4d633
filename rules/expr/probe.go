package expr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/lockstep-sync/lockstep/rules/budget"
)

// The functions that take a regular expression as their second operand.
const (
	patternExtract    = "regex.extract"
	patternExtractAll = "regex.extractAll"
	patternReplace    = "regex.replace"
)

// probeName stands for the operand of a call that only a record knows.
const probeName = "@probe"

// argumentFault says where and why a call fails whatever it is called on, for what its
// constant arguments are; nil: it does not.
func (p *program) argumentFault(e ast.Expr) (ast.Expr, *fault) {
	call := e.AsCall()
	all := operands(call)
	if len(all) < 2 {
		return e, nil
	}
	switch call.FunctionName() {
	case overloads.Matches, patternExtract, patternExtractAll, patternReplace:
		return p.patternFault(e, all)
	case overloads.TimeGetFullYear, overloads.TimeGetMonth, overloads.TimeGetDayOfYear, overloads.TimeGetDayOfMonth, overloads.TimeGetDate,
		overloads.TimeGetDayOfWeek, overloads.TimeGetHours, overloads.TimeGetMinutes, overloads.TimeGetSeconds, overloads.TimeGetMilliseconds:
		return e, p.zoneFault(call, all[1])
	case operators.Divide, operators.Modulo, operators.Index, "substring", "charAt", "indexOf", "lastIndexOf", "slice":
		return e, p.probed(e, all)
	}
	return e, nil
}

// patternFault says what is wrong with the constant pattern of a call, and with what
// its matches are to be replaced by.
func (p *program) patternFault(e ast.Expr, all []ast.Expr) (ast.Expr, *fault) {
	value, ok := p.constantValue(all[1])
	pattern, isText := value.(string)
	if !ok || !isText {
		return e, nil
	}
	if err := checkPattern(pattern); err != nil {
		return all[1], badPattern(err)
	}
	groups := regexp.MustCompile(pattern).NumSubexp()
	switch name := e.AsCall().FunctionName(); {
	case (name == patternExtract || name == patternExtractAll) && groups > 1:
		return all[1], alwaysFails(fmt.Sprintf("%s takes a pattern with at most one group in parentheses, and this has %d. Write (?:…) for those that are not to be extracted.", name, groups))
	case name == patternReplace && len(all) > 2:
		with, _ := p.constantValue(all[2])
		if text, ok := with.(string); ok {
			return all[2], replacementFault(text, groups)
		}
	}
	return e, nil
}

// badPattern says what is wrong with a regular expression.
func badPattern(err error) *fault {
	if spent := (*budget.Error)(nil); errors.As(err, &spent) {
		return &fault{spent.Error(), spent.Advice()}
	}
	return &fault{
		"invalid regular expression",
		"The pattern is not in RE2's syntax: " + patternReason(err) + ". In a quoted HCL string, each backslash is written twice; a raw string, r'…', saves CEL's own doubling.",
	}
}

// replacementFault says what is wrong with what regex.replace writes for a match.
func replacementFault(with string, groups int) *fault {
	for rest := with; ; {
		_, after, found := strings.Cut(rest, `\`)
		switch {
		case !found:
			return nil
		case after == "":
			return alwaysFails(`The replacement ends with a single \. Write \\ for the character itself, or \1 for what the first group matched.`)
		case after[0] >= '0' && after[0] <= '9':
			if n := int(after[0] - '0'); n > groups {
				return alwaysFails(fmt.Sprintf(`The replacement names group %d, and the pattern has %d.`, n, groups))
			}
		case after[0] != '\\':
			return alwaysFails(`In the replacement, \ is followed by neither a digit nor another \.`)
		}
		rest = after[1:]
	}
}

// zoneFault says what is wrong with the time zone of getHours and such.
func (p *program) zoneFault(call ast.CallExpr, arg ast.Expr) *fault {
	value, _ := p.constantValue(arg)
	zone, ok := value.(string)
	if !ok || !types.IsError(types.Timestamp{Time: time.Unix(0, 0)}.Receive(call.FunctionName(), "", []ref.Val{types.String(zone)})) {
		return nil
	}
	return alwaysFails("'" + zone + "' is not a known time zone. Write one of the IANA database, as 'Europe/Berlin', or an offset, as '+01:00'.")
}

// probed says why a call fails whatever its first operand is; nil: it does not. It is
// made on an empty one, and on one that is longer than the others ask for.
func (p *program) probed(e ast.Expr, all []ast.Expr) *fault {
	if p.constant[e.ID()] {
		return nil // it is evaluated itself
	}
	longest := int64(0)
	for _, arg := range all[1:] {
		if !p.constant[arg.ID()] {
			return nil
		}
		if value, ok := p.constantValue(arg); ok {
			if n, isInt := value.(int64); isInt {
				longest = max(longest, n)
			}
		}
	}
	const most = 1 << 12 // what would need a longer one may be right
	if longest >= most {
		return nil
	}
	var failed *fault
	for _, v := range probes(p.ast.GetType(all[0].ID()), int(longest)+1) {
		_, err := p.evaluate(p.on(e), v)
		if failed = p.faultOf(e, err); failed == nil {
			return nil
		}
	}
	return failed
}

// probes are values of a type with which to find out whether a call always fails; none:
// it cannot be told.
func probes(t *types.Type, length int) []ref.Val {
	switch t.Kind() {
	case types.IntKind:
		return []ref.Val{types.Int(1)}
	case types.UintKind:
		return []ref.Val{types.Uint(1)}
	case types.DoubleKind:
		return []ref.Val{types.Double(1)}
	case types.StringKind:
		return []ref.Val{types.String(""), types.String(strings.Repeat("a", length))}
	case types.ListKind:
		return []ref.Val{types.NewStringList(types.DefaultTypeAdapter, nil), types.NewStringList(types.DefaultTypeAdapter, make([]string, length))}
	}
	return nil
}

// on returns a call with the probe in place of its first operand.
func (p *program) on(e ast.Expr) ast.Expr {
	factory := ast.NewExprFactory()
	probe := factory.NewIdent(ast.MaxID(p.ast)+1, probeName)
	call := e.AsCall()
	if call.IsMemberFunction() {
		return factory.NewMemberCall(e.ID(), call.FunctionName(), probe, call.Args()...)
	}
	args := append([]ast.Expr{probe}, call.Args()[1:]...)
	return factory.NewCall(e.ID(), call.FunctionName(), args...)
}
