package incidentio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A directory is a list of things that have names in this account.
type directory struct {
	noun   string
	path   string
	member string
	paged  bool
	scope  string // what the key needs to read it
	query  url.Values
	within string // the member of an element that has the name; "": itself
	most   int    // elements that are read; 0: listBound
}

func (d directory) bound() int {
	if d.most > 0 {
		return d.most
	}
	return listBound
}

// namedIn is the part of an element that has the name.
func (d directory) namedIn(element json.RawMessage) json.RawMessage {
	if d.within == "" {
		return element
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(element, &members) // what is no object has no members
	return members[d.within]
}

// directories are the lists by the field whose names they hold.
func directories() map[string]directory {
	return map[string]directory{
		"incident/severity":        {noun: "severity", path: "/v1/severities", member: "severities", scope: "severities.view"},
		"incident/incident_type":   {noun: "incident type", path: "/v1/incident_types", member: "incident_types", scope: "incident_types.view"},
		"incident/incident_status": {noun: "incident status", path: "/v1/incident_statuses", member: "incident_statuses", scope: "incident_statuses.view"},
		"incident/custom_fields":   {noun: "custom field", path: "/v2/custom_fields", member: "custom_fields", scope: "custom_fields.view"},
		"incident/roles":           {noun: "incident role", path: "/v2/incident_roles", member: "incident_roles", scope: "incident_roles.view"},
		"incident/timestamps":      {noun: "timestamp", path: "/v2/incident_timestamps", member: "incident_timestamps", scope: "incidents.view"},
		"follow_up/assignee_team":  {noun: "team", path: "/v3/teams", member: "teams", paged: true, scope: "catalog_entries.view"},
	}
}

// Advise compares the names of severities, types, statuses, custom fields,
// roles, timestamps and teams with those of the account. Follow-up priorities
// have no list in the API.
func (c *Connector) Advise(ctx context.Context, uses []connectors.Use) ([]connectors.Advice, error) {
	var advice []connectors.Advice
	read := map[string]*names{}
	for _, use := range uses {
		field, _, _ := strings.Cut(use.Field, ".") // severity and severity.name
		of := use.Record + "/" + field
		directory, ok := directories()[of]
		wanted := wantedNames(use)
		if !ok || len(wanted) == 0 {
			continue
		}
		known := read[of]
		if known == nil {
			var err error
			if known, err = c.names(ctx, directory); err != nil {
				return nil, err
			}
			read[of] = known
		}
		if known.forbidden {
			advice = append(advice, connectors.Advice{Use: use, Message: fmt.Sprintf(
				"the %s names cannot be confirmed: this API key may not list them (scope %s)", directory.noun, directory.scope)})
			continue
		}
		for _, name := range wanted {
			if !known.has(name) {
				advice = append(advice, connectors.Advice{Use: use, Value: name, Message: known.missing(directory, name)})
			}
		}
	}
	return advice, nil
}

// wantedNames are the names that a use relies on. custom_fields, roles and
// timestamps are maps: their names are the keys.
func wantedNames(use connectors.Use) []string {
	names := slices.Clone(use.Keys)
	switch field, _, _ := strings.Cut(use.Field, "."); field {
	case "custom_fields", "roles", "timestamps":
		return names
	}
	for _, value := range use.Values {
		if name, ok := value.(string); ok && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// names are the names in one directory.
type names struct {
	all        []string
	categories []string // of statuses
	forbidden  bool
}

// names reads a directory anew. What it finds serves later writes as well.
func (c *Connector) names(ctx context.Context, d directory) (*names, error) {
	r, err := c.reading(ctx, "advise", d, 0)
	if err != nil {
		return nil, err
	}
	known := &names{all: r.names(), forbidden: r.forbidden}
	for _, n := range r.all {
		known.categories = append(known.categories, n.Category)
	}
	return known, nil
}

func (n *names) has(name string) bool {
	if category, ok := strings.CutPrefix(name, categoryPrefix); ok {
		return slices.Contains(categories(), category) || slices.Contains(n.categories, category)
	}
	return slices.Contains(n.all, name)
}

// missing says that there is no such name, and which there are.
func (n *names) missing(d directory, name string) string {
	if category, ok := strings.CutPrefix(name, categoryPrefix); ok {
		return fmt.Sprintf("incident.io has no status category %q; there are %s", category, strings.Join(categories(), ", "))
	}
	for _, known := range n.all {
		if strings.EqualFold(strings.TrimSpace(known), strings.TrimSpace(name)) {
			return fmt.Sprintf("incident.io has no %s %q; it is written %q", d.noun, name, known)
		}
	}
	const shown = 12
	all := slices.Sorted(slices.Values(n.all))
	list := strings.Join(all[:min(len(all), shown)], ", ")
	switch {
	case len(all) == 0:
		return fmt.Sprintf("incident.io has no %s %q, nor any other", d.noun, name)
	case len(all) > shown:
		list += ", …"
	}
	return fmt.Sprintf("incident.io has no %s %q; there are: %s", d.noun, name, list)
}
