package jira

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
)

var _ connectors.Advisor = (*Connector)(nil)

// A createField is a field of the screen on which issues of a type are created.
type createField struct {
	ID         string           `json:"fieldId"`
	Name       string           `json:"name"`
	Required   bool             `json:"required"`
	HasDefault bool             `json:"hasDefaultValue"`
	Schema     fieldType        `json:"schema"`
	Allowed    []map[string]any `json:"allowedValues"`
}

// Advise compares uses with the site: projects, issue types, statuses, custom
// fields, and for each project and issue type that are written as literals, the
// fields that its create screen asks for and the choices it has.
func (c *Connector) Advise(ctx context.Context, uses []connectors.Use) ([]connectors.Advice, error) {
	a := &adviser{c: c, uses: map[string]connectors.Use{}}
	for _, use := range uses {
		if use.Record == issueRecord {
			a.uses[use.Field] = use
		}
	}
	if len(a.uses) == 0 {
		return nil, nil
	}
	if err := a.customFields(ctx); err != nil {
		return nil, err
	}
	if err := a.projects(ctx); err != nil {
		return nil, err
	}
	return a.all, nil
}

type adviser struct {
	c    *Connector
	uses map[string]connectors.Use
	all  []connectors.Advice
}

func (a *adviser) say(field string, value any, format string, args ...any) {
	use, ok := a.uses[field]
	if !ok {
		use = connectors.Use{Record: issueRecord, Field: field}
	}
	said := connectors.Advice{Use: use, Value: value, Message: fmt.Sprintf(format, args...)}
	if !slices.ContainsFunc(a.all, func(o connectors.Advice) bool {
		return o.Use.Field == field && o.Value == value && o.Message == said.Message
	}) {
		a.all = append(a.all, said)
	}
}

func (a *adviser) customFields(ctx context.Context) error {
	for _, field := range slices.Sorted(maps.Keys(a.uses)) {
		names := a.uses[field].Keys
		if field != customFieldsField {
			if names = nil; strings.HasPrefix(field, customPrefix) {
				names = []string{field}
			}
		}
		for _, name := range names {
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
func (a *adviser) texts(field string) []string {
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

func (a *adviser) projects(ctx context.Context) error {
	kinds := map[string]bool{} // issue types that some project has
	complete := true
	statuses := map[string]bool{}
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
			complete = false
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
			if err := a.screen(ctx, key, t.ID, t.Name); err != nil {
				return err
			}
			flow, err := a.c.statusesOf(ctx, key, t.Name)
			if err != nil && !connectors.IsRefusal(err) {
				return err
			}
			for name := range flow {
				statuses[name] = true
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
	if len(statuses) > 0 && complete {
		for _, name := range a.texts("status") {
			if !statuses[strings.ToLower(name)] {
				a.say("status", name, "The workflows have %s.", strings.Join(slices.Sorted(maps.Keys(statuses)), ", "))
			}
		}
	}
	return nil
}

// screen compares with what issues of a type are created with.
func (a *adviser) screen(ctx context.Context, key, id, name string) error {
	fields, err := a.c.createFields(ctx, key, id)
	if connectors.IsRefusal(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range fields {
		if f.Required && !f.HasDefault && !a.sets(f) {
			a.say("issuetype", name, "Issues of this type in %s need %s (%s), which nothing here sets.", key, f.ID, f.Name)
		}
		if len(f.Allowed) == 0 {
			continue
		}
		choices := map[string]bool{}
		for _, choice := range f.Allowed {
			choices[label(choice)] = true
		}
		for _, value := range a.texts(f.ID) {
			if f.ID != "project" && f.ID != "issuetype" && !choices[value] {
				a.say(f.ID, value, "In %s its choices for a %s are %s.", key, name, strings.Join(slices.Sorted(maps.Keys(choices)), ", "))
			}
		}
	}
	return nil
}

func (a *adviser) sets(f createField) bool {
	if _, ok := a.uses[f.ID]; ok {
		return true
	}
	// What every issue needs is known without the site, which sets the reporter.
	return a.c.schema.Fields[f.ID].Required || f.ID == "reporter" || slices.Contains(a.uses[customFieldsField].Keys, f.Name)
}

// createFields are the fields of a create screen.
func (c *Connector) createFields(ctx context.Context, projectKey, typeID string) ([]createField, error) {
	return c.known.screens.Fetch(projectKey+"/"+typeID, func() ([]createField, error) {
		list := counted{
			op: "advise", record: c.name, member: "fields",
			path: "/issue/createmeta/" + url.PathEscape(projectKey) + "/issuetypes/" + url.PathEscape(typeID),
		}
		return paging.Collect(listed(ctx, c, list, func(f createField) string { return f.ID }))
	})
}
