package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
)

// How long what was read of the account's names counts. A name that is missing
// from a list is looked for again, at most once in the second time.
const (
	listLife = 10 * time.Minute
	missLife = 30 * time.Second
	// anyAge takes whatever was once read.
	anyAge = time.Duration(math.MaxInt64)
	// listBound is how many elements of one list are read.
	listBound = 20000
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

// A reading is one whole reading of a directory. It is never changed.
type reading struct {
	all       []named
	at        time.Time
	forbidden bool // this key may not list it
}

// find returns the elements with the name; else the one with the id, or with
// another of its names.
func (r *reading) find(name string) []named {
	var found []named
	for _, n := range r.all {
		if n.Name == name {
			found = append(found, n)
		}
	}
	if len(found) > 0 {
		return found
	}
	for _, n := range r.all {
		if n.ID == name || slices.Contains(n.Others, name) {
			found = append(found, n)
		}
	}
	return found
}

func (r *reading) names() []string {
	names := make([]string, 0, len(r.all))
	for _, n := range r.all {
		names = append(names, n.Name)
	}
	return names
}

func (d directory) key() string { return d.path + "?" + d.query.Encode() }

// known is what was once read of the directory, without asking; nil: nothing.
func (c *Connector) known(d directory) *reading { return c.directories.Last(d.key()) }

// reading returns the directory as it was read no longer ago than age.
func (c *Connector) reading(ctx context.Context, op string, d directory, age time.Duration) (*reading, error) {
	fresh := func(last *reading) bool {
		old := time.Since(last.at)
		return old < age && (!last.forbidden || old < missLife) // a scope may be added
	}
	now, err := c.directories.Fetch(ctx, d.key(), fresh, func() (*reading, error) { return c.readDirectory(ctx, op, d) })
	if _, known := connectors.ClassOf(err); err != nil && !known {
		err = &connectors.Error{Class: connectors.ClassRetry, Op: op, Record: Type + "." + c.name, Message: "not sent: waiting for a list of names", Err: err}
	}
	return now, err
}

func (c *Connector) readDirectory(ctx context.Context, op string, d directory) (*reading, error) {
	now := &reading{at: time.Now()}
	seen := map[string]bool{}
	elements := 0
	list := listing{op: op, record: Type + "." + c.name, path: d.path, query: d.query, member: d.member, paged: d.paged}
	for element, err := range c.list(ctx, list) {
		var refused *connectors.Error
		switch {
		case errors.As(err, &refused) && refused.Class == connectors.ClassForbidden:
			now.forbidden = true
			return now, nil
		case err != nil:
			return nil, err
		}
		if elements++; elements > d.bound() {
			break
		}
		if n, ok := namedOf(d.namedIn(element)); ok && !seen[n.ID] {
			seen[n.ID] = true
			now.all = append(now.all, n)
		}
	}
	return now, nil
}

// find looks a name up in a directory, asking again once if it is not there. The
// refusal does not hold the name: it may be of a private record.
func (c *Connector) find(ctx context.Context, d directory, name string, age time.Duration) (named, error) {
	r, err := c.reading(ctx, "resolve", d, age)
	if err != nil {
		return named{}, d.unlisted(err)
	}
	found := r.find(name)
	if len(found) == 0 && !r.forbidden && time.Since(r.at) >= missLife {
		if r, err = c.reading(ctx, "resolve", d, missLife); err != nil {
			return named{}, d.unlisted(err)
		}
		found = r.find(name)
	}
	switch {
	case r.forbidden:
		return named{}, d.forbidden()
	case len(found) == 0:
		return named{}, resolve.Refuse(codeNotFound, "incident.io has no %s of this name%s", d.noun, suggestion(name, r.names()))
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

// suggestion ends a message about a name that is not there.
func suggestion(name string, known []string) string {
	const shown = 12
	if near := nearest.Name(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(known) == 0 {
		return ", nor any other"
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(known)))
	list := strings.Join(sorted[:min(len(sorted), shown)], ", ")
	if len(sorted) > shown {
		list += ", …"
	}
	return "; there are: " + list
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
