package parse

import (
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/markdown/markdowntest"
	"github.com/lockstep-sync/lockstep/connectors/markdown/steps"
)

func BenchmarkConvertParse(b *testing.B) {
	p := New(true)
	markdowntest.Bench(b, markdowntest.Texts(), func(in string) { p.Parse([]byte(in), steps.For(len(in))) })
}
