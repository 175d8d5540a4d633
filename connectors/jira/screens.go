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

// A createField is a field of the screen on which issues of a type are created.
type createField struct {
	ID         string           `json:"fieldId"`
	Name       string           `json:"name"`
	Required   bool             `json:"required"`
	HasDefault bool             `json:"hasDefaultValue"`
	Schema     fieldType        `json:"schema"`
	Allowed    []map[string]any `json:"allowedValues"`
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

// editFields are the fields of the screen on which issues of a type are edited,
// as one of them shows it; nil where there is none to ask.
func (c *Connector) editFields(ctx context.Context, projectKey, typeName string) (map[string]bool, error) {
	jql := "project = " + quote(projectKey) + " AND issuetype = " + quote(typeName) + " ORDER BY created DESC"
	for h, err := range c.search(ctx, "advise", c.name, query{jql: jql, field: "updated"}) {
		if err != nil {
			return nil, err
		}
		var answer struct {
			Fields map[string]struct{} `json:"fields"`
		}
		if err := c.get(ctx, "advise", c.name, "/issue/"+h.ID+"/editmeta", nil, &answer); err != nil {
			return nil, err
		}
		on := map[string]bool{}
		for id := range answer.Fields {
			on[id] = true
		}
		return on, nil
	}
	return nil, nil
}

// quote is a text as JQL has it.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// screens compares a template with what issues of a type are opened and edited
// with.
func (a *templateAdviser) screens(ctx context.Context, key, id, name string) error {
	fields, err := a.c.createFields(ctx, key, id)
	if connectors.IsRefusal(err) {
		return nil
	}
	if err != nil {
		return err
	}
	onCreate := map[string]bool{}
	for _, f := range fields {
		onCreate[f.ID] = true
		if f.Required && !f.HasDefault && !a.sets(f) {
			a.say("issuetype", name, fmt.Sprintf("Issues of this type in %s need %s (%s), which nothing here sets.", key, f.ID, f.Name))
		}
		a.choices(f, key, name)
	}
	if len(fields) > 0 && !onCreate["labels"] {
		a.say("labels", nil, withoutLabel(key, name))
	}
	onEdit, err := a.c.editFields(ctx, key, name)
	if err != nil && !connectors.IsRefusal(err) {
		return err
	}
	return a.offScreens(ctx, key, name, onCreate, onEdit)
}

// offScreens names the fields that the template writes and that are not on the
// screen for it: Jira refuses such a field.
func (a *templateAdviser) offScreens(ctx context.Context, key, typeName string, onCreate, onEdit map[string]bool) error {
	for _, field := range slices.Sorted(maps.Keys(a.uses)) {
		use := a.uses[field]
		known := a.c.schema.Fields[field]
		written := map[string]any{} // what is shown, by the id that the screens have
		switch {
		case known.OnMove, field == "project", field == "issuetype", field == "labels" && !use.Opens && !use.Edits:
			continue
		case known.Write != connectors.ReadOnly && field != customFieldsField:
			written[field] = nil
		}
		for _, name := range customs(use) {
			found, reason, err := a.c.customField(ctx, name.Text)
			if err != nil {
				return err
			}
			if reason != "" {
				continue
			}
			written[found.ID] = name.Value
		}
		for _, id := range slices.Sorted(maps.Keys(written)) {
			switch {
			case use.Opens && len(onCreate) > 0 && !onCreate[id]:
				a.say(field, written[id], offScreen("created", key, typeName)+"Jira refuses it there: put it on the screen, or take it out of the template.")
			case use.Edits && len(onEdit) > 0 && !onEdit[id]:
				a.say(field, written[id], offScreen("edited", key, typeName)+"Jira refuses it there: put it on the screen, or write it in once alone.")
			}
		}
	}
	return nil
}

func withoutLabel(key, typeName string) string {
	return offScreen("created", key, typeName) + "Lockstep's own mark is a label: without it, tickets are found again by an issue property, which takes longer."
}

func offScreen(done, key, typeName string) string {
	return "It is not on the screen on which issues of the type " + typeName + " in " + key + " are " + done + ". "
}

// choices compares literals with the choices of a field.
func (a *templateAdviser) choices(f createField, key, typeName string) {
	if len(f.Allowed) == 0 || f.ID == "project" || f.ID == "issuetype" {
		return
	}
	choices := map[string]bool{}
	for _, choice := range f.Allowed {
		choices[label(choice)] = true
	}
	for _, field := range []string{f.ID, customFieldsField + "/" + f.ID, customFieldsField + "/" + f.Name} {
		for _, value := range a.texts(field) {
			if !choices[value.Text] {
				a.lacks(field, value, "In "+key+" its choices for a "+typeName+" are", choices)
			}
		}
	}
}

func (a *templateAdviser) sets(f createField) bool {
	if use, ok := a.uses[f.ID]; ok && (use.Opens || use.Template == "") {
		return true
	}
	// What every issue needs is known without the site, which sets the reporter.
	return a.c.schema.Fields[f.ID].Required || f.ID == "reporter" || slices.Contains(a.uses[customFieldsField].Keys, f.Name)
}
