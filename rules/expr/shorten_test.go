package expr

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOperandsAreShown(t *testing.T) {
	long := strings.Repeat("ä", 1<<20)
	list := make([]any, 1<<16)
	for i := range list {
		list[i] = map[string]any{"name": "x", long[:200]: int64(i)}
	}
	for name, v := range map[string]any{"text": long, "list": list, "object": map[string]any{"a": list, "b": long}} {
		got := toJSON(v)
		if len(got) > 2*maxOperand || !strings.Contains(got, cut) || !utf8.ValidString(got) {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
	whole := strings.Repeat("x", maxOperand-10)
	if got := toJSON([]any{whole}); got != `["`+whole+`"]` {
		t.Error("a value that is not too long was cut")
	}
}
