// Package steps bounds what the conversion of a text costs.
package steps

// What a conversion may spend: so many steps for each byte, and some for the
// smallest text. Every conversion is linear in its input and stays far below;
// the limit holds where one is not.
const (
	perByte = 4096
	atLeast = 1 << 20
)

// A Budget is the steps that one conversion may take. A step is a byte read or
// written, or a node visited. Who spends asks whether to go on, and leaves what
// is left of the text as it is once it may not.
type Budget struct{ spent, limit int }

// For is a budget for a text of so many bytes.
func For(size int) *Budget { return &Budget{limit: size*perByte + atLeast} }

// Spend takes n steps; false: there are no more.
func (b *Budget) Spend(n int) bool {
	b.spent += n
	return b.spent <= b.limit
}

// Exceeded reports whether more was spent than there is.
func (b *Budget) Exceeded() bool { return b.spent > b.limit }

// Spent is how many steps were taken.
func (b *Budget) Spent() int { return b.spent }
