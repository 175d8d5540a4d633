package jira

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

var (
	issueKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}-[0-9]{1,19}$`)
	issueNo  = regexp.MustCompile(`^[0-9]{1,19}$`)
)

// FindByName finds an issue by its key, by its id, and by the address of a page that
// shows it: /browse/KEY, a board or a list on which it is selected, a queue of a
// service project. Of an issue that was moved, Jira knows the old key as well.
func (c *Connector) FindByName(ctx context.Context, name string, in []connectors.Collection) ([]connectors.Record, error) {
	issues := connectors.Collection{Type: Type, Connector: c.name, Record: issueRecord}
	if !slices.Contains(in, issues) {
		return nil, nil
	}
	if page := connectors.ParsePage(name); page != nil {
		parts := connectors.PathParts(page)
		if name = page.Query().Get("selectedIssue"); name == "" && len(parts) > 1 {
			name = parts[len(parts)-1]
		}
		if !issueKey.MatchString(name) || !connectors.OnSite(page, c.siteURL(ctx)) {
			return nil, nil
		}
	}
	if !issueKey.MatchString(name) && !issueNo.MatchString(name) {
		return nil, nil
	}
	return connectors.ReadNamed(ctx, c, issues.Ref(strings.ToUpper(name)))
}
