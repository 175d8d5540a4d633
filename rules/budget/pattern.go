package budget

import (
	"fmt"
	"regexp/syntax"
)

// maxPattern bounds the program of a regular expression. Matching takes time by
// its size and by the text's, and (a{1000}b{1000}…) is short to write.
const maxPattern = 4000

var errPattern = &Error{
	"the regular expression is too large",
	fmt.Sprintf("With its repetitions written out it has more than %d parts. Repeat less: x{1,50} where x{1,1000} is not needed, or * and +.", maxPattern),
}

// PatternSize returns about how many instructions a regular expression compiles to.
// One that is not valid has none: whoever compiles it finds out.
func PatternSize(pattern string) (int, error) {
	if len(pattern) > maxPattern*4 {
		return 0, errPattern
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, nil //nolint:nilerr // as said above
	}
	size := sizeOf(re)
	if size > maxPattern {
		return 0, errPattern
	}
	return size, nil
}

func sizeOf(re *syntax.Regexp) int {
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCharClass:
		n = 1 + len(re.Rune)/16
	}
	for _, sub := range re.Sub {
		if n += sizeOf(sub); n > maxPattern {
			return maxPattern + 1
		}
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, maxPattern+1)
}
