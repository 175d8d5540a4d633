package rules

import (
	"fmt"

	"github.com/lockstep-sync/lockstep/rules/expr"
)

// proveRoutes warns of templates that cannot be reached and of conditions that
// are not asked.
func proveRoutes(m *model, f *findings) {
	always := func(r *routeDecl, name string) bool {
		t := m.templates[name]
		if t == nil || t.when == nil && !t.ok && t.decl.attrs["when"] != nil { // what the condition was to be is not known
			return false
		}
		c := m.compiled[compiledKey{t, r.source}]
		return c != nil && (c.when == nil || c.when.AlwaysTrue())
	}
	reached := map[string]bool{}
	type unreached struct {
		ref    templateRef
		before string
		route  string
	}
	var hidden, implied []unreached
	for _, r := range m.routes {
		before := ""
		var conditions expr.Implied
		var asked []string // the templates of conditions
		for _, ref := range r.templates {
			if before != "" {
				hidden = append(hidden, unreached{ref, before, r.name})
				continue
			}
			if c := m.compiled[compiledKey{m.templates[ref.name], r.source}]; c != nil && c.when != nil {
				first, ok := conditions.First(c.when)
				conditions.Add(c.when)
				if asked = append(asked, ref.name); ok {
					implied = append(implied, unreached{ref, asked[first], r.name})
					continue
				}
			}
			reached[ref.name] = true
			if always(r, ref.name) {
				before = ref.name
			}
		}
		if r.noMatch == nil {
			continue
		}
		if before != "" {
			hidden = append(hidden, unreached{*r.noMatch, before, r.name})
		} else {
			reached[r.noMatch.name] = true
		}
		if t := m.templates[r.noMatch.name]; t != nil && t.when != nil {
			f.warn(r.noMatch.at, fmt.Sprintf("the condition of template %q is not asked", r.noMatch.name),
				fmt.Sprintf("no_match takes what no other template matches, whatever its when at %s says. List the template in templates to have it asked.", position(t.when.Range())))
		}
	}
	for _, u := range implied {
		if !reached[u.ref.name] {
			f.warn(u.ref.at, fmt.Sprintf("template %q cannot be reached", u.ref.name),
				fmt.Sprintf("Template %q before it in route %q matches wherever this one does. List this one first, or change one of the conditions.", u.before, u.route))
		}
	}
	for _, u := range hidden {
		if !reached[u.ref.name] {
			f.warn(u.ref.at, fmt.Sprintf("template %q cannot be reached", u.ref.name),
				fmt.Sprintf("Template %q before it in route %q always matches. Give that one a condition, or put it last.", u.before, u.route))
		}
	}
}
