package jira

import (
	"context"
	"net/url"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
)

type user struct {
	AccountID string `json:"accountId"`
	Type      string `json:"accountType"`
	Email     string `json:"emailAddress"`
	Active    bool   `json:"active"`
	Name      string `json:"displayName"`
}

// lookup follows ref("email", …) to an account id; nil leaves the field alone. Where
// a project is given, the account has to be one that may be assigned issues there.
func (c *Connector) lookup(ctx context.Context, project string, l connectors.Lookup) (any, error) {
	return resolve.Lookup(l, func(key, text string) (resolve.Found, error) {
		switch {
		case key != "email":
			return resolve.NotFound("accounts are looked up by email, not by %s", key), nil
		case !strings.Contains(text, "@"):
			return resolve.NotFound("what is looked for is not an email address"), nil
		}
		return c.known.users.Fetch(project+"\x00"+strings.ToLower(text), func() (resolve.Found, error) {
			if project == "" {
				return c.findUser(ctx, "/user/search", url.Values{}, text)
			}
			found, err := c.findUser(ctx, "/user/assignable/search", url.Values{"project": {project}}, text)
			if found.ID != "" || err != nil && !connectors.IsRefusal(err) {
				return found, err
			}
			anywhere, err := c.findUser(ctx, "/user/search", url.Values{}, text)
			if anywhere.ID != "" {
				anywhere = resolve.NotFound("the account may not be assigned issues in project %s (permission Assignable User)", project)
			}
			return anywhere, err
		})
	})
}

// findUser searches for an address. Jira finds people by addresses that it does
// not show; a hit without an address counts if it is the only one, for the
// whole address was asked for. The search matches beginnings, so that an
// address which is shown has to be the one.
func (c *Connector) findUser(ctx context.Context, path string, query url.Values, email string) (resolve.Found, error) {
	var hits []user
	query.Set("query", email)
	query.Set("maxResults", "50")
	if err := c.get(ctx, "lookup", c.name, path, query, &hits); err != nil {
		return resolve.Found{}, err
	}
	var shown, hidden []string
	for _, u := range hits {
		switch {
		case !u.Active || u.Type == "app" || u.AccountID == "":
		case strings.EqualFold(u.Email, email):
			shown = append(shown, u.AccountID)
		case u.Email == "":
			hidden = append(hidden, u.AccountID)
		}
	}
	if len(shown) != 1 {
		shown = append(shown, hidden...)
	}
	return resolve.OneOf(shown,
		"no active account answers to this email, or the integration's account lacks the global permission Browse users and groups",
		"more than one active account answers to this email"), nil
}
