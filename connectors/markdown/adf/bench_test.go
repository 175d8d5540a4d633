package adf

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/markdown/markdowntest"
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

func BenchmarkConvertCanonical(b *testing.B) {
	markdowntest.Bench(b, markdowntest.Texts(), func(in string) { Canonical(in) })
}

func BenchmarkConvertCut(b *testing.B) {
	markdowntest.Bench(b, markdowntest.Texts(), func(in string) { Cut(in, 32767) })
}

func BenchmarkConvertToMarkdown(b *testing.B) {
	var texts []markdowntest.Text
	for _, name := range slices.Sorted(maps.Keys(hardDocuments)) {
		of := hardDocuments[name]
		unit := len(of(11)) - len(of(10))
		texts = append(texts, markdowntest.Text{Name: name, Of: func(size int) string { return `{"content":[` + of(min(size/unit, 4000)) + `]}` }})
	}
	markdowntest.Bench(b, texts, func(in string) {
		var object map[string]any
		if err := json.Unmarshal([]byte(in), &object); err != nil {
			b.Fatal(err)
		}
		ToMarkdown(FromJSON(object))
	})
}
