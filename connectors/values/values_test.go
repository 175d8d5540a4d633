package values_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/values"
)

func TestEmpty(t *testing.T) {
	for _, v := range []any{nil, "", " \n\t", []any{}, map[string]any{}} {
		if !values.Empty(v) {
			t.Errorf("%#v is not empty", v)
		}
	}
	for _, v := range []any{false, int64(0), 0.0, "a", []any{nil}, map[string]any{"a": nil}, time.Time{}} {
		if values.Empty(v) {
			t.Errorf("%#v is empty", v)
		}
	}
}

func TestTexts(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{values.OneLine(" a \r\n\n b\rc "), "a b c"},
		{values.Lines("a\r\nb\rc"), "a\nb\nc"},
		{values.TrimLines("\n \t\n  a\n\nb \n\n"), "  a\n\nb"},
		{values.TrimLines(" \n "), ""},
		{values.Cut("äöü", 3), "äöü"},
		{values.Cut("äöüß", 3), "äö…"},
		{values.Cut("a \nbc", 4), "a…"},
		{values.Cut("abc", 0), "abc"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
	if values.OrNil("") != nil || values.OrNil("a") != "a" {
		t.Error("OrNil")
	}
	if _, err := values.Text(map[string]any{}); err == nil {
		t.Error("an object is text")
	}
}

func TestList(t *testing.T) {
	for _, v := range []any{"a, b,,", []any{" a", "", "b"}} {
		if got, err := values.List(v); err != nil || !slices.Equal(got, []any{"a", "b"}) {
			t.Errorf("%v: got %v, %v", v, got, err)
		}
	}
	for _, v := range []any{int64(1), nil, []any{map[string]any{}}} {
		if got, err := values.List(v); err == nil {
			t.Errorf("%v: got %v", v, got)
		}
	}
	if got := values.Set([]any{"b", " a", "B", nil, "a"}, false); !slices.Equal(got, []string{"B", "a", "b"}) {
		t.Errorf("got %v", got)
	}
	if got := values.Set([]any{"b", "B"}, true); !slices.Equal(got, []string{"b"}) {
		t.Errorf("got %v", got)
	}
	if got := values.Set(int64(3), true); !slices.Equal(got, []string{"3"}) {
		t.Errorf("got %v", got)
	}
}

func TestParse(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for _, v := range []any{noon, noon.In(time.FixedZone("", 3600)), " 2026-01-02T13:00:00+01:00"} {
		if got, ok := values.ParseTime(v, time.DateOnly, time.RFC3339); !ok || got != noon {
			t.Errorf("%v: got %v", v, got)
		}
	}
	for _, v := range []any{"noon", int64(3), nil} {
		if got, ok := values.ParseTime(v, time.RFC3339); ok {
			t.Errorf("%v: got %v", v, got)
		}
	}
	for s, want := range map[string]bool{" 1.5": true, "1e3": true, "NaN": false, "Inf": false, "": false} {
		if _, ok := values.ParseNumber(s); ok != want {
			t.Errorf("%q is a number: %t", s, ok)
		}
	}
}

func TestJSON(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":1}`: "", ``: "not a JSON object: nothing there", `{"secret`: "not a JSON object: it ends too early", `{"a":secret}`: "not a JSON object: mistake at line 1, column 6",
		"{\n  \"ä\": \"secret\",,\n}": "not a JSON object: mistake at line 2, column 17",
		`["secret"]`:                  "not a JSON object: found another kind of value", `null`: "not a JSON object: null", `{}{`: "not a JSON object: something follows it",
	} {
		if _, err := values.ParseObject([]byte(body)); err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	for n, want := range map[json.Number]any{"3": int64(3), "3.0": int64(3), "3.5": nil, "1e300": nil} {
		if got, ok := values.Integer(n); ok != (want != nil) || ok && got != want {
			t.Errorf("%s: got %v", n, got)
		}
	}
	for n, want := range map[json.Number]any{"3": int64(3), "3.0": 3.0, "1e999": nil} {
		if got := values.Number(n); got != want {
			t.Errorf("%s: got %v", n, got)
		}
	}
}
