package simulator

import (
	"slices"
	"strings"
)

// An Operator is what a condition of a list or search asks of a field. Each system has
// a table of those it takes, by the words in which its queries have them.
type Operator int

// The operators. Those that order are asked with Orders, the others with Holds.
const (
	OneOf Operator = iota
	NoneOf
	Blank
	NotBlank
	Contains
	NotContains
	Begins
	Ends
	Above
	AtLeast
	Below
	AtMost
)

// Ordering reports whether the operator compares by order.
func (o Operator) Ordering() bool { return o >= Above }

// Orders reports whether a field is where the operator asks for it, by how it compares
// with the condition's value: below 0, 0 or above.
func (o Operator) Orders(compared int) bool {
	switch o {
	case Above:
		return compared > 0
	case AtLeast:
		return compared >= 0
	case Below:
		return compared < 0
	case AtMost:
		return compared <= 0
	default:
		return false
	}
}

// Holds reports whether what a field has is as the condition's values ask. equal
// compares two of them; nil: as texts.
func (o Operator) Holds(have, want []string, equal func(a, b string) bool) bool {
	if equal == nil {
		equal = func(a, b string) bool { return a == b }
	}
	meets := func(fits func(have, want string) bool) bool {
		return slices.ContainsFunc(have, func(h string) bool {
			return slices.ContainsFunc(want, func(w string) bool { return fits(h, w) })
		})
	}
	blank := !slices.ContainsFunc(have, func(h string) bool { return h != "" })
	switch o {
	case OneOf:
		return meets(equal)
	case NoneOf:
		return !meets(equal)
	case Blank:
		return blank
	case NotBlank:
		return !blank
	case Contains:
		return meets(strings.Contains)
	case NotContains:
		return !meets(strings.Contains)
	case Begins:
		return meets(strings.HasPrefix)
	case Ends:
		return meets(strings.HasSuffix)
	default:
		return false
	}
}
