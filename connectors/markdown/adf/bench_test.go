package adf

import (
	"strings"
	"testing"
)

func BenchmarkCanonical(b *testing.B) {
	for name, in := range map[string]string{
		"note": "Restarted **db-1**, see [the graph](https://g.example).\n\n- one\n- two",
		"30kB": strings.Repeat("Restarted **db-1**, see [the graph](https://g.example).\n\n- one\n- two\n\n", 430),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				Canonical(in)
			}
		})
	}
}

func BenchmarkCut(b *testing.B) {
	in := strings.Repeat("Restarted **db-1**, see [the graph](https://g.example).\n\n- one\n- two\n\n", 2000)
	for b.Loop() {
		Cut(in, 32767)
	}
}
