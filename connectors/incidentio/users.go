package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
)

// A userKey is how a person is looked for.
type userKey struct{ property, value string }

// person resolves what is written where a person belongs: a Lookup, or an id as
// it is. "" is nobody; nil leaves the field alone.
func (c *Connector) person(ctx context.Context, value any) (any, error) {
	return resolve.Lookups(value, false, func(l connectors.Lookup) (any, error) {
		return resolve.Lookup(l, func(property, text string) (resolve.Found, error) { return c.user(ctx, userKey{property, text}) })
	})
}

func (c *Connector) user(ctx context.Context, k userKey) (resolve.Found, error) {
	switch k.property {
	case "email":
		k.value = strings.ToLower(k.value)
	case "slack_user_id":
	default:
		return resolve.NotFound("incident.io finds people by email and by slack_user_id"), nil
	}
	return c.users.Fetch(k, func() (resolve.Found, error) { return c.askForUser(ctx, k) })
}

// askForUser looks for one active person. Each answer is looked at again, for a
// filter that is not known is dropped.
func (c *Connector) askForUser(ctx context.Context, k userKey) (resolve.Found, error) {
	list := listing{
		op: "resolve", record: Type + "." + c.name, path: "/v2/users", member: "users", paged: true,
		query: url.Values{k.property: {k.value}},
	}
	var ids []string
	elements, err := paging.Collect(c.list(ctx, list))
	for _, element := range elements {
		user, ok := userOf(element)
		has := user.SlackUserID == k.value
		if k.property == "email" {
			has = strings.EqualFold(user.Email, k.value)
		}
		if ok && has && !slices.Contains(ids, user.ID) {
			ids = append(ids, user.ID)
		}
	}
	var refused *connectors.Error
	switch {
	case errors.As(err, &refused) && refused.Class == connectors.ClassForbidden:
		return resolve.Found{Code: codeScope, Message: "this API key may not look people up (scope users.view)"}, nil
	case errors.As(err, &refused) && (refused.Class == connectors.ClassRejected || refused.Class == connectors.ClassGone):
		return resolve.NotFound("the people cannot be listed: %s", refused.Message), nil
	case err != nil:
		return resolve.Found{}, err
	}
	return resolve.OneOf(ids, "no active person has this "+k.property, "more than one active person has this "+k.property), nil
}

// A user is a person as the API lists people.
type user struct {
	ID          string `json:"id"`
	Email       string `json:"email"`
	SlackUserID string `json:"slack_user_id"`
	Active      *bool  `json:"is_active"`
}

// userOf reads an active person.
func userOf(element json.RawMessage) (user, bool) {
	var u user
	err := json.Unmarshal(element, &u)
	return u, err == nil && u.ID != "" && (u.Active == nil || *u.Active)
}
