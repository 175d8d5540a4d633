package markdown

import (
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/markdown/markdowntest"
)

func BenchmarkConvertPlain(b *testing.B) {
	markdowntest.Bench(b, markdowntest.Texts(), func(in string) { Plain(in) })
}

func BenchmarkConvertEscape(b *testing.B) {
	markdowntest.Bench(b, markdowntest.Texts(), func(in string) { Escape(in) })
}

func BenchmarkConvertHTML(b *testing.B) {
	markdowntest.Bench(b, markdowntest.Texts(), func(in string) { HTML(in) })
}

func BenchmarkConvertFromHTML(b *testing.B) {
	markdowntest.Bench(b, markdowntest.Pages(), func(in string) { FromHTML(in) })
}
