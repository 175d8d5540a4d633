package links

import (
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestDigestTellsValuesApart(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	keyed := NewDigester([]byte("a key for tests"))
	values := map[string]any{
		"null": nil, "true": true, "false": false, "one": int64(1), "one as a double": 1.0, "one as text": "1", "empty": "",
		"a time": at, "that time as text": at.Format(time.RFC3339Nano),
		"a list": []any{"a", "b"}, "a list of one": []any{"ab"}, "nested": []any{[]any{"a"}, "b"}, "empty list": []any{},
		"a map": map[string]any{"a": "b"}, "another": map[string]any{"ab": ""}, "empty map": map[string]any{},
		"a ref": connectors.Lookup{Key: "email", Value: "x"}, "with null": connectors.Lookup{Key: "email", Value: "x", HasFallback: true},
		"with another":         connectors.Lookup{Key: "email", Value: "x", HasFallback: true, Fallback: &connectors.Lookup{Key: "name", Value: "y"}},
		"strings with lengths": []any{"a1:b"}, "and without": []any{"a", "1:b"},
	}
	seen := map[string]string{}
	for name, v := range values {
		d := keyed.Of(v)
		if other, ok := seen[d]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[d] = name
		if again := keyed.Of(v); again != d {
			t.Errorf("%s has two digests", name)
		}
		if foreign := NewDigester([]byte("another key")).Of(v); foreign == d {
			t.Errorf("the digest of %s does not depend on the key", name)
		}
	}
	if keyed.Of(at) != keyed.Of(at.In(time.FixedZone("x", 3600))) {
		t.Error("one instant in two zones has two digests")
	}
	one, two := map[string]any{"a": "1", "b": "2"}, map[string]any{"b": "2", "a": "1"}
	if keyed.Of(one) != keyed.Of(two) {
		t.Error("equal maps have two digests")
	}
}
