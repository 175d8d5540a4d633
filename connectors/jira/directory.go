package jira

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// A directory is what was learned of the site.
type directory struct {
	me, site *cache.Cache[string, string]
	fields   *cache.Lists[siteField]
	users    *cache.Cache[string, resolve.Found]
	projects *cache.Cache[string, project]
	statuses *cache.Lists[status]                // by project and issue type
	moves    *cache.Cache[string, []transition]  // by project, issue type and status
	screens  *cache.Cache[string, []createField] // by project and issue type
	limits   *cache.Cache[string, attachmentLimits]
	// unlabelled are project and issue type of which new issues take no labels.
	unlabelled *cache.Cache[string, bool]
	offScreen  labelless
	shown      sync.Map // service projects in which customers saw an internal comment, by key
}

// newDirectory knows nothing yet. renamed is told that the site has a name that it did
// not have; nil: nobody wants to know.
func newDirectory(renamed func()) *directory {
	return &directory{
		me:         cache.New[string, string](nil),
		site:       cache.New[string, string](nil),
		fields:     cache.NewLists[siteField](renamed),
		users:      cache.New[string](resolve.Found.Missing),
		projects:   cache.New[string, project](nil),
		statuses:   cache.NewLists[status](nil),
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

// siteFields asks for the fields of the site.
func (c *Connector) siteFields(ctx context.Context) func() ([]siteField, error) {
	return func() ([]siteField, error) {
		var all []siteField
		err := c.get(ctx, "fields", c.name, "/field", nil, &all)
		return all, err
	}
}

// customField finds a custom field by id or name; a reason says why there is
// none. A name that several fields have finds nothing.
func (c *Connector) customField(ctx context.Context, name string) (field siteField, reason string, err error) {
	found, list, err := c.known.fields.Find(ctx, "fields", c.name, "", cache.ListLife, c.siteFields(ctx), func(all []siteField) []siteField { return matching(all, name) })
	if err == nil {
		err = list.Refused
	}
	switch {
	case err != nil:
		return siteField{}, "", err
	case len(found) == 0:
		return siteField{}, "the site has no such custom field, or the account may not see it", nil
	case len(found) > 1:
		return siteField{}, "several custom fields have this name; write customfield_NNNNN in its place, one of " + found[0].ID + ", " + found[1].ID, nil
	}
	return found[0], "", nil
}

// notice compares the names of the custom fields that a record shows with the site's.
func (c *Connector) notice(fields map[string]any) {
	for name := range values.ObjectAt(fields, customFieldsField) {
		c.known.fields.Notice("", name, func(f siteField) bool { return f.goesBy(name) })
	}
}

// goesBy reports whether a name is that of the custom field, or its id.
func (f siteField) goesBy(name string) bool {
	return f.Custom && (f.ID == name || !strings.HasPrefix(name, customPrefix) && f.Name == name)
}

func matching(all []siteField, name string) []siteField {
	var found []siteField
	for _, f := range all {
		if f.goesBy(name) {
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

// statusesOf are the statuses of an issue type's workflow, by name in lower case,
// each with its category. Where one is not among them that should be, they are asked
// for again. Empty: nothing should be there.
func (c *Connector) statusesOf(ctx context.Context, projectKey, issueType, should string) (map[string]string, error) {
	ask := func() ([]status, error) {
		var all []struct {
			Name     string   `json:"name"`
			Statuses []status `json:"statuses"`
		}
		if err := c.get(ctx, "statuses", c.name, "/project/"+url.PathEscape(projectKey)+"/statuses", nil, &all); err != nil {
			return nil, err
		}
		var found []status
		for _, t := range all {
			if t.Name == issueType {
				found = append(found, t.Statuses...)
			}
		}
		return found, nil
	}
	_, list, err := c.known.statuses.Find(ctx, "statuses", c.name, projectKey+"/"+issueType, cache.ListLife, ask, func(all []status) []status {
		return slices.DeleteFunc(slices.Clone(all), func(s status) bool { return should != "" && !strings.EqualFold(s.Name, should) })
	})
	if err == nil {
		err = list.Refused
	}
	if err != nil {
		return nil, err
	}
	flow := map[string]string{}
	for _, s := range list.All {
		flow[strings.ToLower(s.Name)] = s.Category.Key
	}
	return flow, nil
}

// attachmentLimits are what the site says of attachments.
type attachmentLimits struct {
	Enabled bool  `json:"enabled"`
	Most    int64 `json:"uploadLimit"` // bytes
}

// labelless are the projects and issue types of which an issue was opened without
// lockstep's label, because its screen takes none.
type labelless struct {
	mu  sync.Mutex
	all map[[2]string]bool
}

// note says whether the screen takes labels, and reports whether that is news.
func (l *labelless) note(project, issueType string, takes bool) (news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	screen := [2]string{project, issueType}
	if news = l.all[screen] == takes; !news {
		return false
	}
	if l.all == nil {
		l.all = map[[2]string]bool{}
	}
	if l.all[screen] = true; takes {
		delete(l.all, screen)
	}
	return true
}

func (l *labelless) screens() [][2]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Keys(l.all), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
}
