package budget

import (
	"github.com/zclconf/go-cty/cty"
)

// What values take, about, in bytes.
const (
	anyBytes    = 32 // a place in a list
	memberBytes = 64 // a name in an object, with its place in the type
	numberBytes = 96
)

// A measure is the way through one value. It ends when the value is found to be
// larger than what is left, so that it takes no longer than that: a value that
// holds another twice, and so on, is small in memory and endless to go through.
type measure struct {
	bytes, steps         int64
	mostBytes, mostSteps int64
	err                  *Error
}

// measure returns how much a value takes in memory if everything in it counts as often
// as it is there, and in how many steps it was gone through.
func (m *Meter) measure(v cty.Value) (bytes, steps int64, err *Error) {
	of := measure{mostBytes: MaxBytes, mostSteps: m.steps}
	of.value(v, 0)
	return of.bytes, of.steps, of.err
}

func (s *measure) add(bytes int64) bool {
	s.bytes += bytes
	s.steps += 1 + bytes/(4<<10)
	switch {
	case s.err != nil:
	case s.bytes > s.mostBytes:
		s.err = errBytes
	case s.steps > s.mostSteps:
		s.err = errSteps
	}
	return s.err == nil
}

func (s *measure) value(v cty.Value, depth int) {
	if depth > maxNesting {
		s.err = errNesting
		return
	}
	v, _ = v.Unmark()
	t := v.Type()
	switch {
	case !v.IsKnown() || v.IsNull():
		s.typ(t, depth) // a type alone can be as large as a value of it
	case t == cty.String:
		s.add(int64(len(v.AsString())))
	case t == cty.Number:
		s.number(v)
	case t.IsObjectType() || t.IsMapType():
		if t.IsMapType() {
			s.typ(t.ElementType(), depth+1)
		}
		for it := v.ElementIterator(); s.err == nil && it.Next(); {
			name, member := it.Element()
			if s.add(memberBytes + int64(len(name.AsString()))) {
				s.value(member, depth+1)
			}
		}
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		if !t.IsTupleType() {
			s.typ(t.ElementType(), depth+1)
		}
		for it := v.ElementIterator(); s.err == nil && it.Next(); {
			if s.add(anyBytes) {
				_, elem := it.Element()
				s.value(elem, depth+1)
			}
		}
	default:
		s.add(anyBytes)
	}
}

func (s *measure) number(v cty.Value) {
	f := v.AsBigFloat()
	if !s.add(numberBytes + int64(f.MinPrec()/8)) {
		return
	}
	if e := f.MantExp(nil); !f.IsInf() && f.Sign() != 0 && (e > maxExponent || e < -maxExponent) {
		s.err = errNumber
	}
}

func (s *measure) typ(t cty.Type, depth int) {
	if depth > maxNesting {
		s.err = errNesting
		return
	}
	if !s.add(anyBytes) {
		return
	}
	switch {
	case t.IsObjectType():
		for name, member := range t.AttributeTypes() {
			if !s.add(memberBytes + int64(len(name))) {
				return
			}
			s.typ(member, depth+1)
		}
	case t.IsTupleType():
		for _, elem := range t.TupleElementTypes() {
			if s.err != nil {
				return
			}
			s.typ(elem, depth+1)
		}
	case t.IsCollectionType():
		s.typ(t.ElementType(), depth+1)
	}
}
