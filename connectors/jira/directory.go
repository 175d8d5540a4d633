package jira

import (
	"context"
	"net/url"
	"strings"
	"sync"

	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
)

// A directory is what was learned of the site.
type directory struct {
	me, site *cache.Cache[string, string]
	fields   *cache.Cache[string, []siteField]
	users    *cache.Cache[string, resolve.Found]
	projects *cache.Cache[string, project]
	statuses *cache.Cache[string, map[string]string] // category by status, in lower case
	moves    *cache.Cache[string, []transition]      // by project, issue type and status
	screens  *cache.Cache[string, []createField]     // by project and issue type
	limits   *cache.Cache[string, attachmentLimits]
	// unlabelled are project and issue type of which new issues take no labels.
	unlabelled *cache.Cache[string, bool]
	shown      sync.Map // service projects in which customers saw an internal comment, by key
}

func newDirectory() *directory {
	return &directory{
		me:         cache.New[string, string](nil),
		site:       cache.New[string, string](nil),
		fields:     cache.New[string, []siteField](nil),
		users:      cache.New[string](resolve.Found.Missing),
		projects:   cache.New[string, project](nil),
		statuses:   cache.New[string, map[string]string](nil),
		moves:      cache.New[string](func(t []transition) bool { return len(t) == 0 }),
		screens:    cache.New[string, []createField](nil),
		limits:     cache.New[string, attachmentLimits](nil),
		unlabelled: cache.New[string, bool](nil),
	}
}

// A siteField is a field of the site.
type siteField struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Custom bool      `json:"custom"`
	Schema fieldType `json:"schema"`
}

// siteFields are the fields of the site.
func (c *Connector) siteFields(ctx context.Context) ([]siteField, error) {
	return c.known.fields.Fetch("", func() ([]siteField, error) {
		var all []siteField
		err := c.get(ctx, "fields", c.name, "/field", nil, &all)
		return all, err
	})
}

// customField finds a custom field by id or name; a reason says why there is
// none. A name that several fields have finds nothing.
func (c *Connector) customField(ctx context.Context, name string) (field siteField, reason string, err error) {
	all, err := c.siteFields(ctx)
	if err != nil {
		return siteField{}, "", err
	}
	found := matching(all, name)
	switch len(found) {
	case 1:
		return found[0], "", nil
	case 0:
		return siteField{}, "the site has no such custom field, or the account may not see it", nil
	}
	return siteField{}, "several custom fields have this name; write customfield_NNNNN in its place, one of " + found[0].ID + ", " + found[1].ID, nil
}

func matching(all []siteField, name string) []siteField {
	var found []siteField
	for _, f := range all {
		if f.Custom && (f.ID == name || !strings.HasPrefix(name, customPrefix) && f.Name == name) {
			found = append(found, f)
		}
	}
	return found
}

const customFieldsField = "custom_fields"

// A project as far as it matters.
type project struct {
	ID   string `json:"id"`
	Key  string `json:"key"`
	Type string `json:"projectTypeKey"`
}

func (c *Connector) project(ctx context.Context, key string) (project, error) {
	return c.known.projects.Fetch(key, func() (project, error) {
		var p project
		err := c.get(ctx, "project", c.name, "/project/"+url.PathEscape(key), nil, &p)
		return p, err
	})
}

// statusesOf are the statuses of an issue type's workflow, by name in lower
// case, each with its category.
func (c *Connector) statusesOf(ctx context.Context, projectKey, issueType string) (map[string]string, error) {
	return c.known.statuses.Fetch(projectKey+"/"+issueType, func() (map[string]string, error) {
		var all []struct {
			Name     string   `json:"name"`
			Statuses []status `json:"statuses"`
		}
		if err := c.get(ctx, "statuses", c.name, "/project/"+url.PathEscape(projectKey)+"/statuses", nil, &all); err != nil {
			return nil, err
		}
		found := map[string]string{}
		for _, t := range all {
			if t.Name != issueType {
				continue
			}
			for _, s := range t.Statuses {
				found[strings.ToLower(s.Name)] = s.Category.Key
			}
		}
		return found, nil
	})
}

// attachmentLimits are what the site says of attachments.
type attachmentLimits struct {
	Enabled bool  `json:"enabled"`
	Most    int64 `json:"uploadLimit"` // bytes
}
