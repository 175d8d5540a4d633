package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// listBound is how many elements of one list are read.
const listBound = 20000

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

// A named is one element of a directory.
type named struct {
	ID          string
	Name        string
	Rank        int64
	Category    string   // of a status
	FieldType   string   // of a custom field
	CatalogType string   // of a custom field whose options are catalog entries
	RoleType    string   // of a role
	Others      []string // what else a catalog entry goes by
}

// namedOf reads an element, by the names that the API's lists use: an option is
// called by its value.
func namedOf(element json.RawMessage) (named, bool) {
	var row struct {
		ID          string   `json:"id"`
		Name        string   `json:"name"`
		Value       string   `json:"value"`
		Rank        int64    `json:"rank"`
		Category    string   `json:"category"`
		FieldType   string   `json:"field_type"`
		CatalogType string   `json:"catalog_type_id"`
		RoleType    string   `json:"role_type"`
		ExternalID  string   `json:"external_id"`
		Aliases     []string `json:"aliases"`
		ArchivedAt  string   `json:"archived_at"`
	}
	if json.Unmarshal(element, &row) != nil || row.ArchivedAt != "" {
		return named{}, false
	}
	n := named{
		ID: row.ID, Name: row.Name, Rank: row.Rank, Category: row.Category,
		FieldType: row.FieldType, CatalogType: row.CatalogType, RoleType: row.RoleType, Others: row.Aliases,
	}
	if n.Name == "" {
		n.Name = row.Value
	}
	if row.ExternalID != "" {
		n.Others = append(n.Others, row.ExternalID)
	}
	return n, n.ID != "" && n.Name != ""
}

// matching returns the elements with the name; else the one with the id, or with
// another of its names.
func matching(all []named, name string) []named {
	var found, others []named
	for _, n := range all {
		switch {
		case n.Name == name:
			found = append(found, n)
		case n.ID == name || slices.Contains(n.Others, name):
			others = append(others, n)
		}
	}
	if len(found) > 0 {
		return found
	}
	return others
}

func namesOf(all []named) []string {
	names := make([]string, 0, len(all))
	for _, n := range all {
		names = append(names, n.Name)
	}
	return names
}

func (d directory) key() string { return d.path + "?" + d.query.Encode() }

// listOf returns the directory as it was read no longer ago than age.
func (c *Connector) listOf(ctx context.Context, op string, d directory, age time.Duration) (*cache.List[named], error) {
	return c.directories.Read(ctx, op, Type+"."+c.name, d.key(), age, func() ([]named, error) { return c.readDirectory(ctx, op, d) })
}

func (c *Connector) readDirectory(ctx context.Context, op string, d directory) ([]named, error) {
	var all []named
	seen := map[string]bool{}
	elements := 0
	list := listing{op: op, record: Type + "." + c.name, path: d.path, query: d.query, member: d.member, paged: d.paged}
	for element, err := range c.list(ctx, list) {
		if err != nil {
			return nil, err
		}
		if elements++; elements > d.bound() {
			break
		}
		if n, ok := namedOf(d.namedIn(element)); ok && !seen[n.ID] {
			seen[n.ID] = true
			all = append(all, n)
		}
	}
	return all, nil
}

// find looks a name up in a directory, asking again once if it is not there. The
// refusal does not hold the name: it may be of a private record.
func (c *Connector) find(ctx context.Context, d directory, name string, age time.Duration) (named, error) {
	const op = "resolve"
	found, list, err := c.directories.Find(ctx, op, Type+"."+c.name, d.key(), age, func() ([]named, error) { return c.readDirectory(ctx, op, d) },
		func(all []named) []named { return matching(all, name) })
	switch {
	case err != nil:
		return named{}, d.unlisted(err)
	case list.Refused != nil:
		return named{}, d.forbidden()
	case len(found) == 0:
		return named{}, resolve.Refuse(codeNotFound, "incident.io has no %s of this name%s", d.noun, nearest.Instead(name, namesOf(list.All)))
	case len(found) > 1:
		return named{}, resolve.Refuse(codeNotFound, "incident.io has more than one %s of this name", d.noun)
	}
	return found[0], nil
}

func (d directory) forbidden() error {
	return resolve.Refuse(codeScope, "this API key may not list the %s names (scope %s)", d.noun, d.scope)
}

// unlisted tells a list that cannot be had for good, which is a failure of the
// field, from an outage.
func (d directory) unlisted(err error) error {
	var refused *connectors.Error
	if errors.As(err, &refused) && (refused.Class == connectors.ClassRejected || refused.Class == connectors.ClassGone) {
		return resolve.Refuse(codeNotFound, "the %s names cannot be listed: %s", d.noun, refused.Message)
	}
	return err
}

// The directories that a field's values are looked up in; directories() has
// those that belong to a field alone.

func optionsOf(field named) directory {
	if field.CatalogType != "" {
		return directory{
			noun: "catalog entry", path: "/v3/catalog_entries", member: "catalog_entries", paged: true, scope: "catalog_entries.view",
			query: url.Values{"catalog_type_id": {field.CatalogType}},
		}
	}
	return directory{
		noun: "option", path: "/v1/custom_field_options", member: "custom_field_options", paged: true, scope: "custom_fields.view",
		query: url.Values{"custom_field_id": {field.ID}},
	}
}

// priorities are those that follow-ups have: the API has no list of them.
func priorities() directory {
	return directory{
		noun: "priority in use", path: "/v3/follow_ups", member: "follow_ups", paged: true, scope: "actions.view",
		within: "priority", most: 1000,
	}
}

// noticeNames compares the names in an incident with the account's lists.
func (c *Connector) noticeNames(incident connectors.Record) {
	notice := func(path, name string) {
		c.directories.Notice(directories()["incident/"+path].key(), name, func(n named) bool { return n.Name == name })
	}
	for _, path := range []string{"severity", "incident_type", "incident_status"} {
		notice(path, values.TextAt(incident.Fields, path, "name"))
	}
	for name := range values.ObjectAt(incident.Fields, customFieldsField) {
		notice(customFieldsField, name)
	}
}
