package jira

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

var _ connectors.Advisor = (*Connector)(nil)

// Advise compares uses with the site: projects, issue types, statuses, custom
// fields, and for each project and issue type that a template writes as literals,
// the screens on which its issues are opened and edited and the choices there.
func (c *Connector) Advise(ctx context.Context, uses []connectors.Use) ([]connectors.Advice, error) {
	a := &adviser{c: c, statuses: map[string]bool{}, complete: true}
	groups := map[string]map[string]connectors.Use{} // by template, then field
	for _, use := range uses {
		if use.Record != issueRecord {
			continue
		}
		if groups[use.Template] == nil {
			groups[use.Template] = map[string]connectors.Use{}
		}
		groups[use.Template][use.Field] = use
	}
	for _, template := range slices.Sorted(maps.Keys(groups)) {
		t := &templateAdviser{adviser: a, template: template, uses: groups[template]}
		if err := t.customFields(ctx); err != nil {
			return nil, err
		}
		if err := t.projects(ctx); err != nil {
			return nil, err
		}
	}
	for _, template := range slices.Sorted(maps.Keys(groups)) {
		t := &templateAdviser{adviser: a, template: template, uses: groups[template]}
		for _, name := range t.texts("status") {
			if a.complete && len(a.statuses) > 0 && !a.statuses[strings.ToLower(name)] {
				t.say("status", name, "The workflows have %s.", strings.Join(slices.Sorted(maps.Keys(a.statuses)), ", "))
			}
		}
	}
	for _, screen := range c.known.offScreen.screens() { // of templates whose project only their records tell
		(&templateAdviser{adviser: a}).say("labels", nil, "%s", withoutLabel(screen[0], screen[1]))
	}
	return a.all, nil
}

// An adviser collects advice on all templates.
type adviser struct {
	c        *Connector
	statuses map[string]bool // of all workflows, in lower case
	complete bool            // no project was missing
	all      []connectors.Advice
}

// A templateAdviser looks at what one template uses.
type templateAdviser struct {
	*adviser
	template string
	uses     map[string]connectors.Use // by field
}

func (a *templateAdviser) say(field string, value any, format string, args ...any) {
	use, ok := a.uses[field]
	if !ok {
		use = connectors.Use{Template: a.template, Record: issueRecord, Field: field}
	}
	said := connectors.Advice{Use: use, Value: value, Message: fmt.Sprintf(format, args...)}
	if !slices.ContainsFunc(a.all, func(o connectors.Advice) bool {
		return o.Use.Field == field && o.Value == value && o.Message == said.Message
	}) {
		a.all = append(a.all, said)
	}
}

// customs are the custom fields that a use names, by the name that it has for
// each.
func customs(use connectors.Use) []string {
	switch {
	case use.Field == customFieldsField:
		return use.Keys
	case strings.HasPrefix(use.Field, customPrefix):
		return []string{use.Field}
	}
	return nil
}

func (a *templateAdviser) customFields(ctx context.Context) error {
	for _, field := range slices.Sorted(maps.Keys(a.uses)) {
		for _, name := range customs(a.uses[field]) {
			_, reason, err := a.c.customField(ctx, name)
			if err != nil {
				return err
			}
			if reason == "" {
				continue
			}
			var value any
			if name != field {
				value = name
			}
			a.say(field, value, "%s.", reason)
		}
	}
	return nil
}

// texts are the literals of a field that are text.
func (a *templateAdviser) texts(field string) []string {
	var all []string
	for _, v := range a.uses[field].Values {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, element := range list {
			if s, ok := element.(string); ok && strings.TrimSpace(s) != "" {
				all = append(all, strings.TrimSpace(s))
			}
		}
	}
	return all
}

func (a *templateAdviser) projects(ctx context.Context) error {
	kinds := map[string]bool{} // issue types that some project has
	complete := true
	for _, key := range a.texts("project") {
		var answer struct {
			Types []struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"issueTypes"`
		}
		err := a.c.get(ctx, "advise", a.c.name, "/issue/createmeta/"+url.PathEscape(key)+"/issuetypes", url.Values{"maxResults": {"200"}}, &answer)
		if connectors.IsRefusal(err) {
			a.say("project", key, "The site has no project of this key in which the account may create issues.")
			complete, a.complete = false, false
			continue
		}
		if err != nil {
			return err
		}
		for _, t := range answer.Types {
			kinds[t.Name] = true
			if !slices.Contains(a.texts("issuetype"), t.Name) {
				continue
			}
			if err := a.screens(ctx, key, t.ID, t.Name); err != nil {
				return err
			}
			flow, err := a.c.statusesOf(ctx, key, t.Name, "")
			if err != nil && !connectors.IsRefusal(err) {
				return err
			}
			for name := range flow {
				a.statuses[name] = true
			}
		}
	}
	if len(kinds) > 0 && complete {
		for _, name := range a.texts("issuetype") {
			if !kinds[name] {
				a.say("issuetype", name, "The projects have %s.", strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
			}
		}
	}
	return nil
}
