package jira_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFieldsOfProducts: what Jira's products write in one way and show in another is
// one value to rules: it reads as it is written, and is the same when it comes back.
func TestFieldsOfProducts(t *testing.T) {
	_, c := site(t)
	for name, test := range map[string]struct{ written, shown, other any }{
		"Sprint":        {int64(37), int64(37), int64(38)},
		"Organizations": {[]any{"2", "3"}, []any{"2", "3"}, []any{"2"}},
		"Hardware":      {[]any{"ws:7"}, []any{"ws:7"}, []any{"ws:8"}},
		"Squad":         {"36885b3c-1bf0", "36885b3c-1bf0", "another"},
		"Request Type":  {"it/getithelp", "getithelp", nil},
		"Area":          {[]any{"Payments", "Cards"}, []any{"Payments", "Cards"}, "Payments"},
	} {
		t.Run(name, func(t *testing.T) {
			field := "custom_fields/" + name
			record := create(t, c, "lockstep-"+name[:3], map[string]any{field: test.written})
			shown := record.Fields["custom_fields"].(map[string]any)[name]
			if diff := cmp.Diff(test.shown, shown); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
			for _, v := range []any{test.written, test.shown} {
				if want := resolved(t, c, map[string]any{field: v})[field]; !c.Same("issue", field, want, shown) {
					t.Errorf("%v, resolved to %v, is not the same as %v", v, want, shown)
				}
			}
			if test.other == nil {
				return
			}
			if other := resolved(t, c, map[string]any{field: test.other})[field]; c.Same("issue", field, other, shown) {
				t.Errorf("%v is the same as %v", other, shown)
			}
			again := update(t, c, record.Ref, "ls-2", map[string]any{field: test.other})
			if again.Fields["custom_fields"].(map[string]any)[name] == nil {
				t.Errorf("it cannot be changed to %v", test.other)
			}
			if cleared := update(t, c, record.Ref, "ls-3", map[string]any{field: ""}); cleared.Fields["custom_fields"] != nil && cleared.Fields["custom_fields"].(map[string]any)[name] != nil {
				t.Errorf("cleared, it is %v", cleared.Fields["custom_fields"])
			}
		})
	}
	one := create(t, c, key, map[string]any{"custom_fields/Area": []any{"Search"}})
	if got := one.Fields["custom_fields"].(map[string]any)["Area"]; got != "Search" || !c.Same("issue", "custom_fields/Area", resolved(t, c, map[string]any{"custom_fields/Area": []any{"Search"}})["custom_fields/Area"], got) {
		t.Errorf("one level is %v", got)
	}
}
