package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/budget"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// Each stage of a load, on its own.

// parse returns what the first stage makes of files, whose names and contents alternate.
func parse(t *testing.T, files ...string) *parser {
	t.Helper()
	dir := write(t, files...)
	p := newParser(newProgress(t.Context(), dir, budget.Limits{}), newReader(t.Context(), dir, true))
	p.parse()
	return p
}

// resolved returns what the second one makes of blocks.
func resolved(t *testing.T, files ...string) (*progress, *parsed, *evaluator) {
	t.Helper()
	p := parse(t, files...)
	scope, ok := resolve(p.progress, p.out, p.reader, Options{Systems: fakeSystems(), Offline: true, Env: environment("TOKEN", "t")})
	if !ok {
		t.Fatal(said(p.findings))
	}
	return p.progress, p.out, scope
}

// declared returns what the third one makes of them.
func declared(t *testing.T, files ...string) (*progress, *declaration) {
	t.Helper()
	p, in, scope := resolved(t, files...)
	d, ok := declare(p, in, scope)
	if !ok {
		t.Fatal(said(p.findings))
	}
	return p, d
}

// said returns the summaries of findings, in the order found.
func said(f *findings) string {
	var all []string
	for _, d := range f.list {
		all = append(all, d.summary)
	}
	return strings.Join(all, "; ")
}

func TestParse(t *testing.T) {
	p := parse(t, "b.hcl", "route \"r\" {}\nlocals {}\n", "a.hcl", "variable \"v\" {}\nvariable \"w\" \"x\" {}\nrouter \"r\" {}\n", ".c.hcl", "locals {", "d.txt", "x")
	if got := len(p.out.order); got != 2 || p.broken {
		t.Errorf("%d files are read, broken %t", got, p.broken)
	}
	if got := slices.Sorted(maps.Keys(p.out.blocks)); !slices.Equal(got, []string{"locals", "route", "variable"}) || len(p.out.blocks["variable"]) != 1 {
		t.Errorf("blocks of the types %v", got)
	}
	if got, want := said(p.findings), `a variable block has one name; unknown block "router"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if p := parse(t, "a.hcl", "locals {"); !p.broken {
		t.Error("half a file passes for a whole one")
	}
}

func TestResolve(t *testing.T) {
	p, _, scope := resolved(t, "a.hcl", `
variable "v" { default = 2 }
variable "w" {}
locals {
  a = local.b + 1
  b = var.v * 10
  c = "${env("TOKEN")}!"
  d = local.d
  e = var.w
}
`)
	if got := scope.locals["a"].value.AsBigFloat().String(); got != "21" {
		t.Errorf("a local that rests on another: got %s, want 21", got)
	}
	visible := visibleLocals(scope.locals)
	if _, ok := visible.seen["c"]; ok || !scope.locals["c"].ok || !scope.locals["c"].value.ContainsMarked() {
		t.Error("CEL sees a sensitive local")
	}
	if got := visible.values["b"]; got != int64(20) {
		t.Errorf("CEL sees %v", got)
	}
	if scope.locals["d"].ok || scope.locals["e"].ok || scope.variables["w"].ok {
		t.Error("a value that rests on a mistake counts")
	}
	if got, want := said(p.findings), `variable "w" has no value; locals that need each other`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDeclare(t *testing.T) {
	p, d := declared(t, "connectors.hcl", connectorBlocks, "main.hcl", `
state_table "t" {
  unmapped = "error"
  state "open" { jira = ["To Do", "Open"] }
  state "done" { jira = ["Done"] }
}
template "base" {
  target = jira.eng.issue
  once     { project = "ENG" }
  outbound { summary = "{{ what is CEL to a declaration }}" }
  state    { table = state_table.t }
}
template "child" {
  extends = template.base
  outbound { summary = null }
  comments {
    outbound { from = ["update"] }
  }
}
route "r" {
  source    = incidentio.acme.incident
  templates = [template.child, template.gone]
}
`)
	if got, want := said(p.findings), `unknown template "gone"; template "child" does not set issuetype; template "child" does not set summary`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(d.catalog.connectors) != 3 || d.catalog.connectors["eng"].result.System.Type != "jira" {
		t.Errorf("connectors: %v", d.catalog.connectors)
	}
	if table := d.tables["t"].result; len(table.States) != 2 || !table.UnmappedIsError || len(table.States[0].Columns["jira"]) != 2 {
		t.Errorf("state table: %+v", table)
	}
	if r := d.routes[0]; len(r.refs()) != 1 || !r.sourceOK || r.source.Record != "incident" || !r.broken {
		t.Errorf("route: %+v", r)
	}
	child := d.templates["child"]
	var fields []string
	for _, m := range child.fields {
		fields = append(fields, fmt.Sprint(m.field.section, ".", m.field.name))
	}
	if got := strings.Join(fields, " "); got != "once.project" || child.result.State.Table != d.tables["t"].result {
		t.Errorf("what the template inherits: %s, %+v", got, child.result.State)
	}
	if c := child.comments[Outbound]; len(c) != 1 || !slices.Equal(revealed(c[0].from), []string{"update"}) {
		t.Errorf("comments: %+v", c)
	}
}

func TestTypecheck(t *testing.T) {
	_, d := declared(t, "connectors.hcl", connectorBlocks, "main.hcl", `
template "t" {
  target = servicenow.itsm.incident
  when   = "incident.name != ''"
  outbound {
    short_description = "{{ incident.name }}"
    close_code        = "{{ incident.severity }}"
    nonsense          = "x"
  }
}
`)
	c := newCompiler(d.catalog, seenLocals{}, func() bool { return false })
	source := connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}
	tmpl := d.templates["t"]
	var found findings
	if c.compile(tmpl, source, &found, &uses{}) != nil || found.errors() != 1 {
		t.Errorf("got %s", said(&found))
	}
	tmpl.fields = slices.DeleteFunc(tmpl.fields, func(m *mappingDecl) bool { return m.field.name != "short_description" })
	found = findings{}
	compiled := c.compile(tmpl, source, &found, &uses{})
	if compiled == nil || len(compiled.values) != 1 || compiled.when == nil {
		t.Fatalf("got %s, %+v", said(&found), compiled)
	}
	if want := (expr.Path{"incident", "name"}); !slices.Equal(compiled.values[0].reads[0], want) {
		t.Errorf("it reads %v, want %v", compiled.values[0].reads, want)
	}
	if again := c.envs.envsOf(source, tmpl.result.Target); again != c.envs.envsOf(source, tmpl.result.Target) {
		t.Error("an environment is built twice")
	}
}

// TestTypecheckOfAll checks what no file was read for: a route whose template
// writes where it reads, and a table that knows nothing of a record type.
func TestTypecheckOfAll(t *testing.T) {
	p, d := declared(t, "connectors.hcl", connectorBlocks, "main.hcl", "state_table \"t\" {\n  state \"open\" { jira = [\"Open\"] }\n}\n")
	source := connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}
	at := hcl.Range{Filename: "main.hcl", Start: hcl.Pos{Line: 1}}
	of := func(name string, target connectors.Collection) *template {
		return &template{
			decl: &templateDecl{name: name}, schema: d.catalog.schema(target), used: true,
			result: &Template{Name: name, Target: target, State: &StateSync{Table: d.tables["t"].result, SourceField: "name", TargetField: "summary"}},
		}
	}
	d.templates = map[string]*template{
		"back": of("back", source),
		"out":  of("out", connectors.Collection{Type: "jira", Connector: "eng", Record: "issue"}),
	}
	d.templates["out"].decl.attrsOf = map[string]map[string]*hclsyntax.Attribute{"state": {"table": {Expr: &hclsyntax.LiteralValueExpr{SrcRange: at}}}}
	d.routes = []*routeDecl{{name: "r", source: source, sourceOK: true, templates: []templateRef{{"back", at}, {"out", at}}}}
	m, _ := typecheck(p, d, newCompiler(d.catalog, seenLocals{}, func() bool { return false }))
	want := `template "back" writes where route "r" reads; state table "t" has no column for incidentio.acme.incident`
	if got := said(p.findings); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if m == nil || m.compiled[compiledKey{d.templates["out"], source}] == nil || len(m.compiled) != 1 {
		t.Errorf("model: %+v", m)
	}
}

// TestProve proves models that no file was read for.
func TestProve(t *testing.T) {
	source := connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}
	at := func(line int) hcl.Range { return hcl.Range{Filename: "main.hcl", Start: hcl.Pos{Line: line}} }
	written := func(field string, s section, line int, reads ...expr.Path) *mapping {
		return &mapping{field: field, section: s, at: at(line), value: &value{kind: textValue}, reads: reads}
	}
	of := func(name string, inbound ...*mapping) (*template, *compiledTemplate) {
		return &template{decl: &templateDecl{name: name}, result: &Template{Name: name}}, &compiledTemplate{inbound: inbound, entries: inbound}
	}
	modelOf := func(routes map[string]string, add func(m *model)) *model {
		m := &model{templates: map[string]*template{}, compiled: map[compiledKey]*compiledTemplate{}, files: &parsed{}}
		for _, name := range sortedKeys(routes) {
			r := &routeDecl{name: name, source: source, sourceOK: true}
			for t := range strings.FieldsSeq(routes[name]) {
				r.templates = append(r.templates, templateRef{t, at(1)})
			}
			m.routes = append(m.routes, r)
		}
		add(m)
		return m
	}
	add := func(m *model, name string, inbound ...*mapping) *compiledTemplate {
		t, c := of(name, inbound...)
		m.templates[name], m.compiled[compiledKey{t, source}] = t, c
		return c
	}
	for name, test := range map[string]struct {
		proof func(*model, *findings)
		model *model
		want  string
	}{
		"one route writes": {proveWriters, modelOf(map[string]string{"r": "a b"}, func(m *model) {
			add(m, "a", written("name", inboundSection, 2))
			add(m, "b", written("name", inboundSection, 3))
		}), ""},
		"two routes write": {proveWriters, modelOf(map[string]string{"r": "a", "s": "b"}, func(m *model) {
			add(m, "a", written("name", inboundSection, 2))
			add(m, "b", written("name", inboundSection, 3))
		}), "two tickets write name of one incident"},
		"reached": {proveRoutes, modelOf(map[string]string{"r": "a"}, func(m *model) { add(m, "a") }), ""},
		"not reached": {proveRoutes, modelOf(map[string]string{"r": "a b"}, func(m *model) {
			add(m, "a")
			add(m, "b")
		}), `template "b" cannot be reached`},
		"reached elsewhere": {proveRoutes, modelOf(map[string]string{"r": "a b", "s": "b"}, func(m *model) {
			add(m, "a")
			add(m, "b")
		}), ""},
		"pair": {proveCycles, modelOf(map[string]string{"r": "a"}, func(m *model) {
			c := add(m, "a", written("name", inboundSection, 2, expr.Path{"ticket", "x"}))
			c.values = []*mapping{written("x", outboundSection, 3, expr.Path{"incident", "name"})}
		}), ""},
		"cycle": {proveCycles, modelOf(map[string]string{"r": "a"}, func(m *model) {
			c := add(m, "a", written("name", inboundSection, 2, expr.Path{"ticket", "x"}), written("summary", inboundSection, 4, expr.Path{"incident", "name"}))
			c.values = []*mapping{written("x", outboundSection, 3, expr.Path{"incident", "summary"})}
		}), "mappings that feed each other in a cycle"},
		"unused": {proveUses, modelOf(nil, func(m *model) {
			m.variables = map[string]*variable{"v": {at: at(1)}, "w": {at: at(2)}}
			m.included = map[string][]byte{"text": []byte("${var.v}")}
		}), `nothing uses variable "w"`},
	} {
		t.Run(name, func(t *testing.T) {
			var found findings
			test.proof(test.model, &found)
			if got := said(&found); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
