package resolve_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
)

var errOutage = errors.New("outage")

// find knows ann and bob, and two of the name of eve.
func find(key, text string) (resolve.Found, error) {
	if key == "broken" {
		return resolve.Found{}, errOutage
	}
	ids := map[string][]string{"ann": {"1"}, "bob": {"2"}, "eve": {"3", "4"}}
	return resolve.OneOf(ids[text], "nobody has this "+key, "several have this "+key), nil
}

func lookup(v any, more ...connectors.Lookup) connectors.Lookup {
	l := connectors.Lookup{Key: "name", Value: v}
	if len(more) > 0 {
		l.HasFallback = true
		if more[0].Key != "" {
			l.Fallback = &more[0]
		}
	}
	return l
}

func TestLookup(t *testing.T) {
	for _, test := range []struct {
		l    connectors.Lookup
		want any
		code string
		says string
	}{
		{lookup(" ann "), "1", "", ""},
		{lookup("zoe"), nil, resolve.CodeNotFound, "nobody has this name"},
		{lookup("eve"), nil, resolve.CodeAmbiguous, "several have this name"},
		{lookup(""), nil, resolve.CodeNotFound, "the name to look for is empty"},
		{lookup(nil), nil, resolve.CodeNotFound, "the name to look for is empty"},
		{lookup(map[string]any{}), nil, resolve.CodeNotFound, "the name is not text"},
		{lookup("zoe", lookup("eve", lookup("bob"))), "2", "", ""},
		{lookup("zoe", lookup("eve")), nil, resolve.CodeAmbiguous, "several have this name"},
		{lookup("zoe", connectors.Lookup{}), nil, "", ""},
	} {
		got, err := resolve.Lookup(test.l, find)
		refused := resolve.RefusalIn(err)
		if got != test.want || (refused != nil) != (test.code != "") || refused != nil && (refused.Code != test.code || refused.Message != test.says) {
			t.Errorf("%+v: got %v, %v; want %v, %s", test.l, got, err, test.want, test.says)
		}
	}
	if _, err := resolve.Lookup(connectors.Lookup{Key: "broken", Value: "a", HasFallback: true}, find); !errors.Is(err, errOutage) || resolve.RefusalIn(err) != nil {
		t.Errorf("an outage: %v", err)
	}
}

func TestLookups(t *testing.T) {
	follow := func(l connectors.Lookup) (any, error) { return resolve.Lookup(l, find) }
	ann, none := lookup("ann"), lookup("zoe", connectors.Lookup{})
	for name, test := range map[string]struct {
		v    any
		list bool
		want any
	}{
		"alone":               {ann, false, "1"},
		"pointer":             {&ann, false, "1"},
		"no pointer":          {(*connectors.Lookup)(nil), false, nil},
		"alone for a list":    {ann, true, []any{"1"}},
		"nothing":             {none, true, nil},
		"in a list":           {[]any{"x", ann, nil, none, &ann}, true, []any{"x", "1", "1"}},
		"not a look-up":       {"x", true, "x"},
		"nor is null":         {nil, true, nil},
		"a list within a map": {map[string]any{"a": "b"}, false, map[string]any{"a": "b"}},
	} {
		got, err := resolve.Lookups(test.v, test.list, follow)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	if _, err := resolve.Lookups([]any{ann, lookup("zoe")}, true, follow); resolve.RefusalIn(err) == nil {
		t.Errorf("one that is not found: %v", err)
	}
}

func TestFields(t *testing.T) {
	fields := map[string]any{"good": 1, "bad": 2, "mistyped": 3}
	got, failed, err := resolve.Fields("a.b.c", fields, func(name string, v any) (any, error) {
		switch name {
		case "bad":
			return nil, fmt.Errorf("wrapped: %w", resolve.Refuse("code", "no %s", "way"))
		case "mistyped":
			return nil, resolve.Mistyped(errors.New("expected a number"))
		}
		return v, resolve.Mistyped(nil)
	})
	if err != nil || !cmp.Equal(got, map[string]any{"good": 1}) {
		t.Errorf("got %v, %v", got, err)
	}
	want := map[string]*connectors.Error{
		"bad":      connectors.Rejected("resolve", "a.b.c", "bad", "code", "no way"),
		"mistyped": connectors.Rejected("resolve", "a.b.c", "mistyped", resolve.CodeType, "expected a number"),
	}
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Error(diff)
	}
	if got, failed, err := resolve.Fields("a.b.c", fields, func(string, any) (any, error) { return nil, errOutage }); got != nil || failed != nil || !errors.Is(err, errOutage) {
		t.Errorf("an outage: %v, %v, %v", got, failed, err)
	}
}
