package budget

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// An estimate is what a call makes at most, and the steps it takes beside going
// through its arguments once.
type estimate struct{ bytes, steps int64 }

// estimates are of the functions that make more than they are given, or take
// longer than to go through it. given is the size of all arguments, which are
// known, not null and of the right types where the parameters have one.
var estimates = map[string]func(args []cty.Value, given int64) (estimate, error){
	"format": func(args []cty.Value, given int64) (estimate, error) {
		return ofFormat(args[0].AsString(), given, 1), nil
	},
	"formatlist": ofFormatList,
	"join":       ofJoin,
	"indent":     ofIndent,
	"replace":    ofReplace,
	"split":      ofSplit,
	"regex":      func(args []cty.Value, given int64) (estimate, error) { return ofRegex(args, given, 1) },
	"regexall":   func(args []cty.Value, given int64) (estimate, error) { return ofRegex(args, given, -1) },
	"setproduct": ofProduct,
	"jsondecode": ofJSON,
	"csvdecode":  ofCSV,
	"parseint":   ofParseInt,
	"tonumber":   ofParseInt,
	// Each element is compared with each.
	"distinct": func(args []cty.Value, given int64) (estimate, error) {
		n := length(args[0])
		return estimate{given, times(n, n)}, nil
	},
	"compact": ofGraphemes, "strrev": ofGraphemes, "substr": ofGraphemes, "title": ofGraphemes, "length": ofGraphemes,
	"jsonencode": func(_ []cty.Value, given int64) (estimate, error) { return estimate{given * 2, given / 64}, nil },
	"upper":      func(_ []cty.Value, given int64) (estimate, error) { return estimate{given * 3, given / 64}, nil },
	"lower":      func(_ []cty.Value, given int64) (estimate, error) { return estimate{given * 3, given / 64}, nil },
}

// ofGraphemes returns of functions that look at each character.
func ofGraphemes(_ []cty.Value, given int64) (estimate, error) {
	return estimate{given, given / 2}, nil
}

func length(v cty.Value) int64 {
	if !v.CanIterateElements() {
		return 1
	}
	return int64(v.LengthInt())
}

// times multiplies up to more than anybody has.
func times(a, b int64) int64 {
	const most = MaxBytes * 4
	if a > 0 && b > most/a {
		return most
	}
	return a * b
}

// ofFormat adds up what the verbs of a format ask for: each the widest that is
// written, and any argument, as often as there are verbs.
func ofFormat(format string, given, times_ int64) estimate {
	verbs, width, number := int64(0), int64(0), int64(0)
	for _, r := range format {
		switch {
		case r == '%':
			verbs++
			number = 0
		case r >= '0' && r <= '9':
			if number = number*10 + int64(r-'0'); number > MaxBytes {
				number = MaxBytes
			}
		default:
			width, number = width+number, 0
		}
	}
	const digits = 400 // of a number
	one := int64(len(format)) + width + number + times(verbs, given+digits)
	return estimate{times(one, times_), times(one, times_) / 64}
}

func ofFormatList(args []cty.Value, given int64) (estimate, error) {
	n := int64(1)
	widest := int64(0) // of all elements, the one of which most is made
	for _, arg := range args[1:] {
		if t := arg.Type(); t.IsListType() || t.IsSetType() || t.IsTupleType() {
			n = max(n, length(arg))
			for it := arg.ElementIterator(); it.Next(); {
				if _, elem := it.Element(); elem.Type() == cty.String && elem.IsKnown() && !elem.IsNull() {
					widest = max(widest, int64(len(elem.AsString())))
				}
			}
		} else if t == cty.String {
			widest = max(widest, int64(len(arg.AsString())))
		} else {
			widest = max(widest, given)
		}
	}
	return ofFormat(args[0].AsString(), widest, n), nil
}

func ofJoin(args []cty.Value, given int64) (estimate, error) {
	n := int64(0)
	for _, list := range args[1:] {
		n += length(list)
	}
	return estimate{given + times(n, int64(len(args[0].AsString()))), n}, nil
}

func ofIndent(args []cty.Value, given int64) (estimate, error) {
	spaces, _ := args[0].AsBigFloat().Int64()
	if spaces < 0 {
		return estimate{}, &Error{"the number of spaces is negative", "It is 0 or more."}
	}
	lines := int64(strings.Count(args[1].AsString(), "\n"))
	return estimate{given + times(lines, spaces), given / 64}, nil
}

func ofReplace(args []cty.Value, given int64) (estimate, error) {
	s, old, with := args[0].AsString(), args[1].AsString(), args[2].AsString()
	if len(old) > 1 && strings.HasPrefix(old, "/") && strings.HasSuffix(old, "/") {
		steps, err := matching(s, old[1:len(old)-1])
		if err != nil {
			return estimate{}, err
		}
		found := int64(0)
		if re, err := regexp.Compile(old[1 : len(old)-1]); err == nil {
			found = int64(len(re.FindAllStringIndex(s, -1)))
		}
		refs := int64(strings.Count(with, "$"))
		return estimate{given + times(found, int64(len(with))) + times(refs, int64(len(s))), steps * 2}, nil
	}
	found := int64(strings.Count(s, old))
	return estimate{given + times(found, int64(len(with))), given / 64}, nil
}

func ofSplit(args []cty.Value, given int64) (estimate, error) {
	sep, s := args[0].AsString(), args[1].AsString()
	pieces := int64(1)
	if sep == "" {
		pieces = int64(utf8.RuneCountInString(s))
	} else {
		pieces += int64(strings.Count(s, sep))
	}
	return estimate{given + times(pieces, anyBytes), pieces}, nil
}

func ofRegex(args []cty.Value, given int64, most int) (estimate, error) {
	pattern, s := args[0].AsString(), args[1].AsString()
	steps, err := matching(s, pattern)
	if err != nil {
		return estimate{}, err
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return estimate{given, 0}, nil //nolint:nilerr // the function says so itself
	}
	found := int64(len(re.FindAllStringIndex(s, most)))
	each := int64(re.NumSubexp()+1) * memberBytes
	return estimate{given + times(found, each) + times(int64(re.NumSubexp()+1), int64(len(s))), steps * 3}, nil
}

// matching returns the steps to match a pattern against a text.
func matching(s, pattern string) (int64, error) {
	size, err := PatternSize(pattern)
	if err != nil {
		return 0, err
	}
	return times(int64(len(s))+1, int64(size)) / 8, nil
}

func ofProduct(args []cty.Value, _ int64) (estimate, error) {
	n := int64(1)
	for _, list := range args {
		n = times(n, length(list))
	}
	return estimate{times(n, int64(len(args)+1)*anyBytes), n}, nil
}

func ofJSON(args []cty.Value, given int64) (estimate, error) {
	values, err := source.JSON([]byte(args[0].AsString()))
	if err != nil {
		return estimate{}, &Error{err.Error(), "Text that is nested this deep is no data."}
	}
	return estimate{given + times(int64(values), memberBytes), int64(values) * 8}, nil
}

func ofCSV(args []cty.Value, given int64) (estimate, error) {
	s := args[0].AsString()
	header, _, _ := strings.Cut(s, "\n")
	rows := int64(strings.Count(s, "\n")) + 1
	cells := int64(strings.Count(s, ",")) + rows
	return estimate{given + times(cells, memberBytes) + times(rows, int64(len(header))), cells * 4}, nil
}

func ofParseInt(args []cty.Value, given int64) (estimate, error) {
	const most = 1000
	if args[0].Type() == cty.String && len(args[0].AsString()) > most {
		return estimate{}, errNumber
	}
	return estimate{given, 0}, nil
}
