package jira

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/advice"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
)

var _ connectors.Advisor = (*Connector)(nil)

// Advise compares uses with the site: projects, issue types, statuses, custom
// fields, and for each project and issue type that a template writes as literals,
// the screens on which its issues are opened and edited and the choices there.
func (c *Connector) Advise(ctx context.Context, uses []connectors.Use) ([]connectors.Advice, error) {
	a := &adviser{c: c, statuses: map[string]bool{}, complete: true}
	uses = slices.DeleteFunc(slices.Clone(uses), func(u connectors.Use) bool { return u.Record != issueRecord })
	err := a.Compare(ctx, uses, advice.Kind{Names: customs, Check: func(ctx context.Context, _ connectors.Use, name advice.Name) (string, error) {
		_, reason, err := c.customField(ctx, name.Text)
		if reason != "" {
			reason += "."
		}
		return reason, err
	}})
	if err != nil {
		return nil, err
	}
	groups := map[string]map[string]connectors.Use{} // by template, then field
	for _, use := range uses {
		if groups[use.Template] == nil {
			groups[use.Template] = map[string]connectors.Use{}
		}
		groups[use.Template][use.Field] = use
	}
	for _, template := range slices.Sorted(maps.Keys(groups)) {
		t := &templateAdviser{adviser: a, template: template, uses: groups[template]}
		if err := t.projects(ctx); err != nil {
			return nil, err
		}
	}
	for _, template := range slices.Sorted(maps.Keys(groups)) {
		t := &templateAdviser{adviser: a, template: template, uses: groups[template]}
		for _, name := range t.texts("status") {
			if a.complete && len(a.statuses) > 0 && !a.statuses[strings.ToLower(name.Text)] {
				t.lacks("status", name, "The workflows have", a.statuses)
			}
		}
	}
	for _, screen := range c.known.offScreen.screens() { // of templates whose project only their records tell
		message := withoutLabel(screen[0], screen[1])
		if !slices.ContainsFunc(a.All(), func(said connectors.Advice) bool { return said.Message == message }) {
			(&templateAdviser{adviser: a}).say("labels", nil, message)
		}
	}
	return a.All(), nil
}

// An adviser collects advice on all templates.
type adviser struct {
	advice.Report
	c        *Connector
	statuses map[string]bool // of all workflows, in lower case
	complete bool            // no project was missing
}

// A templateAdviser looks at what one template uses.
type templateAdviser struct {
	*adviser
	template string
	uses     map[string]connectors.Use // by field
}

func (a *templateAdviser) say(field string, value any, message string) {
	use, ok := a.uses[field]
	if !ok {
		use = connectors.Use{Template: a.template, Record: issueRecord, Field: field}
	}
	a.Add(use, value, message)
}

// lacks says what there is in place of a name: "The projects have …".
func (a *templateAdviser) lacks(field string, name advice.Name, there string, known map[string]bool) {
	names := slices.Sorted(maps.Keys(known))
	message := there + " " + strings.Join(names, ", ") + "."
	if near := nearest.Name(name.Text, names); near != "" {
		message += fmt.Sprintf(" Did you mean %q?", near)
	}
	a.say(field, name.Value, message)
}

// customs are the custom fields that a use names, by the name that it has for
// each.
func customs(use connectors.Use) []advice.Name {
	switch {
	case use.Field == customFieldsField:
		return advice.Keys(use)
	case strings.HasPrefix(use.Field, customPrefix):
		return []advice.Name{{Text: use.Field}}
	}
	return nil
}

// texts are the literals of a field that are text.
func (a *templateAdviser) texts(field string) []advice.Name {
	names := advice.Texts(a.uses[field])
	for i := range names {
		names[i].Text = strings.TrimSpace(names[i].Text)
	}
	return slices.DeleteFunc(names, func(n advice.Name) bool { return n.Text == "" })
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
		err := a.c.get(ctx, "advise", a.c.name, "/issue/createmeta/"+url.PathEscape(key.Text)+"/issuetypes", url.Values{"maxResults": {"200"}}, &answer)
		if connectors.IsRefusal(err) {
			a.say("project", key.Value, "The site has no project of this key in which the account may create issues.")
			complete, a.complete = false, false
			continue
		}
		if err != nil {
			return err
		}
		for _, t := range answer.Types {
			kinds[t.Name] = true
			if !slices.ContainsFunc(a.texts("issuetype"), func(n advice.Name) bool { return n.Text == t.Name }) {
				continue
			}
			if err := a.screens(ctx, key.Text, t.ID, t.Name); err != nil {
				return err
			}
			flow, err := a.c.statusesOf(ctx, key.Text, t.Name, "")
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
			if !kinds[name.Text] {
				a.lacks("issuetype", name, "The projects have", kinds)
			}
		}
	}
	return nil
}
