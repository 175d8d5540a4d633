package markdowntest

import (
	"fmt"
	"runtime"
	"testing"
)

// What a conversion may allocate in all, freed on the way or not: bytes for
// each byte of its input, beside what it takes to begin.
const (
	allocatedPerByte = 8192
	allocatedAtLeast = 1 << 20
	growth           = 2 // of bytes allocated for a byte, from a small to a large text
	// A collection between two measurements empties pools, which are then filled
	// again.
	tries = 3
)

// HoldMemory checks what a conversion allocates for each text: that it has a
// bound, and that one byte of a large text costs what one of a small text does.
// Tests that call it must not run in parallel with others.
func HoldMemory(t *testing.T, texts []Text, convert func(in string)) {
	t.Helper()
	if raced {
		t.Skip("the race detector allocates as well; make test runs this without it")
	}
	for _, text := range texts {
		t.Run(text.Name, func(t *testing.T) {
			small, large := text.Of(4<<10), text.Of(16<<10)
			convert(small) // what is made once
			wrong := "not measured"
			for try := 0; wrong != "" && try < tries; try++ {
				wrong = exceeded(small, large, convert)
			}
			if wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// exceeded says which bound the conversion exceeds; "": none.
func exceeded(small, large string, convert func(in string)) string {
	few, many := allocated(small, convert), allocated(large, convert)
	switch {
	case many > allocatedPerByte*len(large)+allocatedAtLeast:
		return fmt.Sprintf("%d bytes were allocated for %d, of at most %d", many, len(large), allocatedPerByte*len(large)+allocatedAtLeast)
	case many > growth*few/len(small)*len(large)+allocatedAtLeast:
		return fmt.Sprintf("%d bytes were allocated for %d, and %d for %d", few, len(small), many, len(large))
	}
	return ""
}

func allocated(in string, convert func(in string)) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	convert(in)
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}
