package jira

import (
	"context"
	"net/url"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A foundUser is an account that was looked for. Without an id, reason says
// why.
type foundUser struct {
	id     string
	reason string // "ref_not_found" or "ref_ambiguous"
	detail string
}

type user struct {
	AccountID string `json:"accountId"`
	Type      string `json:"accountType"`
	Email     string `json:"emailAddress"`
	Active    bool   `json:"active"`
	Name      string `json:"displayName"`
}

// lookup follows ref("email", …) to an account id; nil leaves the field alone.
func (c *Connector) lookup(ctx context.Context, record, field string, l connectors.Lookup) (any, *connectors.Error, error) {
	for {
		answer, err := c.lookupOne(ctx, l)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case answer.id != "":
			return answer.id, nil, nil
		case l.Fallback != nil:
			l = *l.Fallback
		case l.HasFallback:
			return nil, nil, nil
		default:
			return nil, rejected("resolve", record, field, answer.reason, answer.detail), nil
		}
	}
}

func (c *Connector) lookupOne(ctx context.Context, l connectors.Lookup) (foundUser, error) {
	none := func(detail string) (foundUser, error) {
		return foundUser{reason: "ref_not_found", detail: detail}, nil
	}
	email, isText := l.Value.(string)
	email = strings.TrimSpace(email)
	switch {
	case l.Key != "email":
		return none("accounts are looked up by email, not by " + l.Key)
	case l.Value == nil || isText && email == "":
		return none("the email to look for is empty")
	case !isText || !strings.Contains(email, "@"):
		return none("what is looked for is no email address")
	}
	key := strings.ToLower(email)
	return c.known.users.Fetch(key, func() (foundUser, error) { return c.findUser(ctx, email) })
}

// findUser searches for an address. Jira finds people by addresses that it does
// not show; a hit without an address counts if it is the only one, for the
// whole address was asked for. The search matches beginnings, so that an
// address which is shown has to be the one.
func (c *Connector) findUser(ctx context.Context, email string) (foundUser, error) {
	var hits []user
	query := url.Values{"query": {email}, "maxResults": {"50"}}
	if err := c.get(ctx, "lookup", c.name, "/user/search", query, &hits); err != nil {
		return foundUser{}, err
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
	switch {
	case len(shown) == 1:
		return foundUser{id: shown[0]}, nil
	case len(shown) == 0 && len(hidden) == 1:
		return foundUser{id: hidden[0]}, nil
	case len(shown)+len(hidden) > 1:
		return foundUser{reason: "ref_ambiguous", detail: "more than one active account answers to this email"}, nil
	}
	return foundUser{
		reason: "ref_not_found",
		detail: "no active account answers to this email, or the integration's account lacks the global permission Browse users and groups",
	}, nil
}
