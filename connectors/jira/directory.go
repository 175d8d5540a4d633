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
	offScreen  labelless
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
	all, err := c.known.fields.Fetch("", c.siteFields(ctx))
	if err == nil && len(matching(all, name)) == 0 { // it may be new, or have a new name
		all, err = c.known.fields.Again("", c.siteFields(ctx))
	}
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

// notice takes note of what a record shows of the site: the name of a field that is
// not known is one that the field was given since.
func (c *Connector) notice(fields map[string]any) {
	all, known := c.known.fields.Get("")
	named, _ := fields[customFieldsField].(map[string]any)
	for name := range named {
		if known && len(matching(all, name)) == 0 {
			c.known.fields.Forget("")
			if c.renamed != nil {
				c.renamed()
			}
			return
		}
	}
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

// statusesOf are the statuses of an issue type's workflow, by name in lower case,
// each with its category. Where one is not among them that should be, they are asked
// for again. Empty: nothing should be there.
func (c *Connector) statusesOf(ctx context.Context, projectKey, issueType, should string) (map[string]string, error) {
	ask := func() (map[string]string, error) {
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
	}
	key := projectKey + "/" + issueType
	known, err := c.known.statuses.Fetch(key, ask)
	if _, ok := known[strings.ToLower(should)]; err != nil || ok || should == "" {
		return known, err
	}
	return c.known.statuses.Again(key, ask)
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
