package main

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// compareTerms compares what the daemon's rules said of a link beside the decision
// with what the new rules say.
func (p *planner) compareTerms(at *planned, route string, before map[string]string, was, now decided) {
	if before == nil {
		return
	}
	at.compared = true
	after := p.set.Terms(route, was.Template)
	if after == nil {
		return // the decision says so
	}
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if w, n := before[name], after[name]; w != n {
			at.terms = append(at.terms, termLine(name, w, n))
		}
	}
	if now.Template != was.Template {
		return
	}
	if w, n := written(before, was), written(after, now); w != n && w != "" && n != "" {
		at.newest = append(at.newest, planLine{"value of the state", w, n})
	}
}

// termLine returns a change of a term; of a mapping, only its digest is known.
func termLine(name, was, now string) planLine {
	line := planLine{name, was, now}
	if strings.HasPrefix(name, rules.TermInbound) || strings.HasPrefix(name, rules.TermOnce) {
		if was != "" {
			line.Was = "as it was"
		}
		if now != "" {
			line.Now = "edited"
		}
	}
	return line
}

// written returns the value that the terms write to the ticket for a decision's state.
func written(terms map[string]string, d decided) string {
	target, err := connectors.ParseCollection(d.Target)
	if err != nil || d.State == "" || terms[rules.TermStateDirection] == string(rules.Inbound) {
		return ""
	}
	var values []string
	if json.Unmarshal([]byte(terms[rules.TermState(d.State, target)]), &values) != nil || len(values) == 0 {
		return ""
	}
	return values[0]
}

// terms returns the terms that would change, with the links they concern.
func (p *planner) terms(out *plan) []planTerm {
	links := map[planTerm]int{}
	for k, at := range p.records {
		if !at.known || at.template == "" {
			continue
		}
		if !at.compared {
			out.Uncompared++
		}
		for _, l := range at.terms {
			if at.opened && strings.HasPrefix(l.What, rules.TermOnce) {
				continue // the opening is decided again
			}
			links[planTerm{Route: k.route, Template: at.template, What: l.What, Was: l.Was, Now: l.Now}]++
		}
	}
	all := make([]planTerm, 0, len(links))
	for term, n := range links {
		term.Links = n
		all = append(all, term)
	}
	slices.SortFunc(all, func(x, y planTerm) int {
		return cmp.Or(cmp.Compare(x.Route, y.Route), cmp.Compare(x.Template, y.Template), cmp.Compare(x.What, y.What), cmp.Compare(x.Was, y.Was))
	})
	return all
}
