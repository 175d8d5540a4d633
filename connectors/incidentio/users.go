package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
)

// usersBound is how many people are remembered.
const usersBound = 4096

// A userKey is how a person is looked for.
type userKey struct{ property, value string }

// A foundUser is who was found, or why nobody was.
type foundUser struct {
	id      string
	code    string
	message string
	until   time.Time
}

// users are the people that were looked up.
type users struct {
	mu    sync.Mutex // guards found
	found map[userKey]foundUser
}

func newUsers() *users { return &users{found: map[userKey]foundUser{}} }

func (u *users) get(k userKey, now time.Time) (foundUser, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f, ok := u.found[k]
	return f, ok && now.Before(f.until)
}

func (u *users) put(k userKey, f foundUser, now time.Time) {
	f.until = now.Add(listLife)
	if f.id == "" {
		f.until = now.Add(missLife)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.found) >= usersBound {
		for old, of := range u.found {
			if !now.Before(of.until) {
				delete(u.found, old)
			}
		}
	}
	for old := range u.found { // still full: any of them can be asked for again
		if len(u.found) < usersBound {
			break
		}
		delete(u.found, old)
	}
	u.found[k] = f
}

// person resolves what is written where a person belongs: a Lookup, or an id as
// it is. "" is nobody; nil leaves the field alone.
func (c *Connector) person(ctx context.Context, value any) (any, *refusedValue, error) {
	switch value := value.(type) {
	case nil:
		return nil, nil, nil
	case string:
		return strings.TrimSpace(value), nil, nil
	case connectors.Lookup:
		return c.lookup(ctx, value)
	case *connectors.Lookup:
		if value == nil {
			return nil, nil, nil
		}
		return c.lookup(ctx, *value)
	}
	return nil, refuse(codeType, `it takes a person: ref("email", …), ref("slack_user_id", …) or an id`), nil
}

// lookup follows ref(KEY, VALUE, FALLBACK) to a user's id.
func (c *Connector) lookup(ctx context.Context, l connectors.Lookup) (any, *refusedValue, error) {
	for {
		f, err := c.user(ctx, l)
		switch {
		case err != nil:
			return nil, nil, err
		case f.id != "":
			return f.id, nil, nil
		case l.Fallback != nil:
			l = *l.Fallback
		case l.HasFallback:
			return nil, nil, nil
		default:
			return nil, refuse(f.code, f.message), nil
		}
	}
}

func (c *Connector) user(ctx context.Context, l connectors.Lookup) (foundUser, error) {
	text, ok := connectors.TextOf(l.Value)
	k := userKey{l.Key, strings.TrimSpace(text)}
	switch {
	case l.Key != "email" && l.Key != "slack_user_id":
		return foundUser{code: codeNoRef, message: "incident.io finds people by email and by slack_user_id"}, nil
	case !ok:
		return foundUser{code: codeNoRef, message: "the " + l.Key + " is not text"}, nil
	case k.value == "":
		return foundUser{code: codeNoRef, message: "the " + l.Key + " to look for is empty"}, nil
	}
	if k.property == "email" {
		k.value = strings.ToLower(k.value)
	}
	if f, ok := c.users.get(k, time.Now()); ok {
		return f, nil
	}
	f, err := c.askForUser(ctx, k)
	if err != nil {
		return foundUser{}, err
	}
	c.users.put(k, f, time.Now())
	return f, nil
}

// askForUser looks for one active person. Each answer is looked at again, for a
// filter that is not known is dropped.
func (c *Connector) askForUser(ctx context.Context, k userKey) (foundUser, error) {
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
	case errors.As(err, &refused) && refused.Status == http.StatusForbidden:
		return foundUser{code: codeScope, message: "this API key may not look people up (scope users.view)"}, nil
	case errors.As(err, &refused) && (refused.Class == connectors.ClassRejected || refused.Class == connectors.ClassGone):
		return foundUser{code: codeNoRef, message: "the people cannot be listed: " + refused.Message}, nil
	case err != nil:
		return foundUser{}, err
	case len(ids) > 1:
		return foundUser{code: codeManyRefs, message: "more than one active person has this " + k.property}, nil
	case len(ids) == 0:
		return foundUser{code: codeNoRef, message: "no active person has this " + k.property}, nil
	}
	return foundUser{id: ids[0]}, nil
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
