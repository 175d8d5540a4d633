package main

import (
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestTypeName(t *testing.T) {
	text := connectors.Type{Kind: connectors.String}
	user := connectors.ObjectOf("user", map[string]connectors.Type{"name": text, "id": text})
	for _, test := range []struct {
		of   connectors.Type
		want string
	}{
		{connectors.Type{}, "any value"},
		{connectors.Type{Kind: connectors.Time}, "timestamp"},
		{user, "{id, name}"},
		{connectors.ListOf(user), "list(user)"},
		{connectors.MapOf(connectors.ListOf(text)), "map(string, list(string))"},
		{connectors.Type{Kind: connectors.List}, "list(any value)"},
	} {
		if got := typeName(test.of); got != test.want {
			t.Errorf("typeName = %q, want %q", got, test.want)
		}
	}
}
