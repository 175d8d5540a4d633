package markdowntest

import (
	"runtime"
	"testing"
)

// What a conversion may allocate in all, freed on the way or not: bytes for
// each byte of its input, beside what it takes to begin.
const (
	allocatedPerByte = 8192
	allocatedAtLeast = 1 << 20
	growth           = 2 // of bytes allocated for a byte, from a small to a large text
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
			few, many := allocated(small, convert), allocated(large, convert)
			if most := allocatedPerByte*len(large) + allocatedAtLeast; many > most {
				t.Errorf("%d bytes were allocated for %d, of at most %d", many, len(large), most)
			}
			if most := growth*few/len(small)*len(large) + allocatedAtLeast; many > most {
				t.Errorf("%d bytes were allocated for %d, and %d for %d", few, len(small), many, len(large))
			}
		})
	}
}

func allocated(in string, convert func(in string)) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	convert(in)
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}
