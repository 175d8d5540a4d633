// Package graph draws the routes of a configuration: which records go where,
// by which templates, in which order. It is text in, text out.
package graph

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lockstep-sync/lockstep/rules"
)

// A Picture is what is drawn, in the order in which it is drawn.
type Picture struct {
	Routes []Route
	Tables []Table // those that a route's template uses
}

// A Route is one route with its templates in the order tried.
type Route struct {
	Name, Source string
	Notes        []string // what is not as it is by default
	Templates    []Template
	NoMatch      *Template // nil: no ticket
}

// A Template is a template as one route uses it.
type Template struct {
	Name, Target string
	When         string // as written; empty: always
	Extends      []string
	State        string // its state table and direction; empty: none
}

// A Table is a state table with its states' labels.
type Table struct {
	Name   string
	States []string
}

// New returns the picture of a set. It reads the set's files again, for what a set
// does not keep: what extends what, and conditions as they are written. Those
// of the files are shown and never their values, so that no secret is.
func New(ctx context.Context, set *rules.Set) (Picture, error) {
	written, err := read(ctx, set)
	if err != nil {
		return Picture{}, err
	}
	var p Picture
	used := map[string]bool{}
	template := func(t *rules.Template) Template {
		out := Template{Name: t.Name, Target: t.Target.String(), When: written.when(t.Name), Extends: written.chain(t.Name)}
		if t.State != nil && t.State.Table != nil {
			used[t.State.Table.Name] = true
			out.State = t.State.Table.Name + " (" + string(t.State.Direction) + ")"
		}
		return out
	}
	for _, r := range set.Routes {
		route := Route{Name: r.Name, Source: r.Source.String()}
		if !r.Create {
			route.Notes = append(route.Notes, "no new tickets")
		}
		if r.Private {
			route.Notes = append(route.Notes, "private ones too")
		}
		for _, t := range r.Templates {
			route.Templates = append(route.Templates, template(t))
		}
		if r.NoMatch != nil {
			t := template(r.NoMatch)
			t.When = "" // it is not asked
			route.NoMatch = &t
		}
		p.Routes = append(p.Routes, route)
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		table := Table{Name: name}
		for _, s := range set.Tables[name].States {
			table.States = append(table.States, s.Label)
		}
		p.Tables = append(p.Tables, table)
	}
	return p, nil
}

// A source is what the files say of templates, by name.
type source map[string]block

type block struct {
	extends, when string
	written       bool // when is written here, be it null
}

func read(ctx context.Context, set *rules.Set) (source, error) {
	all := source{}
	for _, name := range set.Files {
		if filepath.Ext(name) != ".hcl" || filepath.Dir(name) != filepath.Clean(set.Dir) {
			continue // file() read it
		}
		text, body, err := rules.ReadConfigFile(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, b := range body.Blocks {
			if b.Type == "template" && len(b.Labels) == 1 {
				all[b.Labels[0]] = decode(b.Body, text)
			}
		}
	}
	return all, nil
}

func decode(body *hclsyntax.Body, text []byte) block {
	var out block
	if a := body.Attributes["extends"]; a != nil {
		if traversal, diags := hcl.AbsTraversalForExpr(a.Expr); !diags.HasErrors() && len(traversal) == 2 {
			if name, ok := traversal[1].(hcl.TraverseAttr); ok {
				out.extends = name.Name
			}
		}
	}
	a := body.Attributes["when"]
	if a == nil {
		return out
	}
	out.written = true
	v, diags := a.Expr.Value(nil)
	switch {
	case diags.HasErrors() || v.Type() != cty.String && !v.IsNull():
		out.when = string(a.Expr.Range().SliceBytes(text)) // it is put together from locals
	case !v.IsNull():
		out.when = v.AsString()
	}
	return out
}

// chain returns what a template extends, nearest first.
func (s source) chain(name string) []string {
	var all []string
	for name = s[name].extends; name != "" && !slices.Contains(all, name); name = s[name].extends {
		all = append(all, name)
	}
	return all
}

// when returns a template's condition, its own or that of what it extends.
func (s source) when(name string) string {
	for _, n := range append([]string{name}, s.chain(name)...) {
		if s[n].written {
			return s[n].when
		}
	}
	return ""
}

// longest is how much of a condition, in characters, is shown.
const longest = 60

// short folds white space and what cannot be seen, and cuts.
func short(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))), " ")
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}
