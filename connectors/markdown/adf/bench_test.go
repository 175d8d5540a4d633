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

// documents are the hard documents by their size, as JSON.
func documents() []markdowntest.Text {
	var texts []markdowntest.Text
	for _, name := range slices.Sorted(maps.Keys(hardDocuments)) {
		of := hardDocuments[name]
		unit := len(of(11)) - len(of(10))
		most := 1 << 30
		if strings.HasPrefix(name, "nested") {
			most = 1000 // deeper ones are no JSON to encoding/json
		}
		texts = append(texts, markdowntest.Text{Name: name, Of: func(size int) string { return `{"content":[` + of(min(size/unit, most)) + `]}` }})
	}
	return texts
}

func convertDocument(in string) {
	var object map[string]any
	if err := json.Unmarshal([]byte(in), &object); err == nil {
		ToMarkdown(FromJSON(object))
	}
}

func BenchmarkConvertToMarkdown(b *testing.B) { markdowntest.Bench(b, documents(), convertDocument) }
