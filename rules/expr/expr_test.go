package expr

import (
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/lockstep-sync/lockstep/connectors"
)

func kind(k connectors.Kind) connectors.Type { return connectors.Type{Kind: k} }

func field(t connectors.Type) connectors.Field { return connectors.Field{Type: t} }

// incidentSchema returns shaped as that of incident.io.
func incidentSchema() *connectors.Schema {
	str := kind(connectors.String)
	user := connectors.ObjectOf("user", map[string]connectors.Type{"id": str, "name": str, "email": str})
	return &connectors.Schema{
		Record: "incident",
		Fields: map[string]connectors.Field{
			"id": field(str), "name": field(str), "reference": field(str), "summary": field(kind(connectors.Text)),
			"permalink": field(str), "mode": field(str), "visibility": field(str),
			"severity":        field(connectors.ObjectOf("severity", map[string]connectors.Type{"id": str, "name": str, "rank": kind(connectors.Int)})),
			"incident_type":   field(connectors.ObjectOf("incident_type", map[string]connectors.Type{"id": str, "name": str})),
			"incident_status": field(connectors.ObjectOf("incident_status", map[string]connectors.Type{"id": str, "name": str, "category": str})),
			"creator":         field(connectors.ObjectOf("actor", map[string]connectors.Type{"user": user})),
			"created_at":      field(kind(connectors.Time)),
			"workload":        field(kind(connectors.Double)),
			"has_debrief":     field(kind(connectors.Bool)),
			"labels":          field(connectors.ListOf(str)),
			"custom_fields":   field(connectors.MapOf(kind(connectors.Any))),
			"roles":           field(connectors.MapOf(user)),
			"timestamps":      field(connectors.MapOf(kind(connectors.Time))),
			"role_assignments": field(connectors.ListOf(connectors.ObjectOf("role_assignment", map[string]connectors.Type{
				"role": str, "assignee": user,
			}))),
		},
	}
}

func ticketSchema() *connectors.Schema {
	return &connectors.Schema{
		Record: "incident",
		Fields: map[string]connectors.Field{
			"sys_id": field(kind(connectors.String)), "state": field(kind(connectors.Int)), "short_description": field(kind(connectors.String)),
			"close_notes": field(kind(connectors.Text)),
		},
		Unlisted:     connectors.SuspectUnknown,
		FreePrefixes: []string{"u_", "x_"},
	}
}

func testLanguage(t testing.TB) *Language {
	t.Helper()
	l, err := NewLanguage()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func testEnv(t testing.TB) *Env {
	t.Helper()
	return envOf(t, testLanguage(t))
}

func envOf(t testing.TB, l *Language) *Env {
	t.Helper()
	str := kind(connectors.String)
	incident := incidentSchema()
	e, err := l.Env([]Variable{
		{Name: "incident", Schema: incident},
		{Name: "ticket", Schema: ticketSchema()},
		{Name: "state", Type: str},
		{Name: "local", Type: connectors.ObjectOf("", map[string]connectors.Type{
			"urgency": connectors.MapOf(kind(connectors.Int)),
			"groups":  connectors.MapOf(str),
			"mixed":   connectors.ObjectOf("", map[string]connectors.Type{"a": str, "b": kind(connectors.Int)}),
			"names":   connectors.ListOf(str),
		})},
		{Name: "parent", Nested: map[string]Variable{
			"incident": {Schema: incident},
			"ticket":   {Type: connectors.ObjectOf("ticket", map[string]connectors.Type{"id": str, "number": str, "url": str})},
		}},
		{Name: "comment", Type: connectors.ObjectOf("comment", map[string]connectors.Type{"text": str, "kind": str})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func locals() map[string]any {
	return map[string]any{
		"urgency": map[string]any{"Critical": int64(1), "Major": int64(2), "Minor": int64(3)},
		"groups":  map[string]any{"Payments": "PAY"},
		"mixed":   map[string]any{"a": "x", "b": int64(1)},
		"names":   []any{"Lisa", "Karl"},
	}
}

// fullVars returns a record with everything in it, emptyVars one with as little as
// there can be.
func fullVars() map[string]any {
	incident := connectors.Record{
		Ref: connectors.Ref{ID: "01F"}, Number: "INC-123", URL: "https://app.incident.io/incidents/123",
		Fields: map[string]any{
			"name": "Our database is sad", "reference": "INC-123", "summary": "Our error rate hit 12%",
			"permalink": "https://app.incident.io/incidents/123", "mode": "standard", "visibility": "public",
			"severity":        map[string]any{"id": "s1", "name": "Critical", "rank": int64(3)},
			"incident_type":   map[string]any{"id": "t1", "name": "Security"},
			"incident_status": map[string]any{"id": "st1", "name": "Closed", "category": "closed"},
			"creator":         map[string]any{"user": map[string]any{"id": "u1", "name": "Lisa", "email": "lisa@incident.io"}},
			"created_at":      created, "workload": 1.5, "has_debrief": true,
			"labels":           []any{"a", "b"},
			"custom_fields":    map[string]any{"Team": "Product", "Teams": []any{"A", "Payments"}, "N": 1.5, "Unset": nil, "Flag": true},
			"roles":            map[string]any{"Incident Lead": map[string]any{"id": "1", "name": "L", "email": "l@x"}},
			"timestamps":       map[string]any{"Impact started": created},
			"role_assignments": []any{map[string]any{"role": "lead", "assignee": map[string]any{"name": "L"}}},
		},
	}
	return map[string]any{
		"incident": incident,
		"ticket":   &connectors.Record{Ref: connectors.Ref{ID: "sys1"}, Number: "INC001", Fields: map[string]any{"state": int64(6), "u_team": "x"}},
		"state":    "done",
		"local":    locals(),
		"parent":   map[string]any{"incident": &incident, "ticket": map[string]any{"id": "p1", "number": "INC000", "url": "https://x"}},
		"comment":  map[string]any{"text": "hello", "kind": "work_notes"},
	}
}

func emptyVars() map[string]any {
	return map[string]any{
		"incident": connectors.Record{Ref: connectors.Ref{ID: "01E"}, Fields: map[string]any{
			"name": "n", "reference": "INC-1", "creator": map[string]any{"user": nil}, "custom_fields": map[string]any{"Team": nil},
			"roles": map[string]any{"Incident Lead": nil},
		}},
		"local": locals(),
	}
}

// parseText parses an attribute and makes a Text of its value.
func parseText(t testing.TB, src string) *Text {
	t.Helper()
	text, diags := tryText(t, src)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", src, diags)
	}
	return text
}

func tryText(t testing.TB, src string) (*Text, hcl.Diagnostics) {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(src), "t.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", src, diags)
	}
	attrs, diags := file.Body.JustAttributes()
	if diags.HasErrors() {
		t.Fatalf("%s: %v", src, diags)
	}
	for _, attr := range attrs {
		return NewText(attr.Expr, evalContext(), []byte(src))
	}
	t.Fatalf("%s: no attribute", src)
	return nil, nil
}

func evalContext() *hcl.EvalContext {
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"var": cty.ObjectVal(map[string]cty.Value{
				"x":      cty.StringVal("Éngineering"),
				"n":      cty.NumberIntVal(3),
				"yes":    cty.True,
				"cond":   cty.StringVal("incident.nope == 'x'"),
				"secret": cty.StringVal("hunter2").Mark("sensitive"),
			}),
		},
		Functions: map[string]function.Function{"upper": stdlib.UpperFunc},
	}
}

// exprText returns an expression as the whole of a quoted string.
func exprText(t testing.TB, x string) *Text {
	t.Helper()
	return parseText(t, "a = <<EOT\n"+x+"\nEOT\n")
}
