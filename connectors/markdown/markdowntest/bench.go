package markdowntest

import (
	"testing"
	"time"
)

var sizes = []struct {
	name string
	size int
}{{"1KiB", 1 << 10}, {"32KiB", 32 << 10}, {"1MiB", 1 << 20}}

// Bench measures a conversion of each text at three sizes. What one byte takes
// is to be about the same in all of them.
func Bench(b *testing.B, texts []Text, convert func(in string)) {
	b.Helper()
	for _, text := range texts {
		b.Run(text.Name, func(b *testing.B) {
			inputs := make([]string, len(sizes))
			for i, s := range sizes {
				inputs[i] = text.Of(s.size)
			}
			took := make([]time.Duration, len(sizes))
			for b.Loop() {
				for i, in := range inputs {
					began := time.Now()
					convert(in)
					took[i] += time.Since(began)
				}
			}
			for i, s := range sizes {
				b.ReportMetric(float64(took[i].Nanoseconds())/float64(b.N)/float64(len(inputs[i])), "ns/B-"+s.name)
			}
		})
	}
}
