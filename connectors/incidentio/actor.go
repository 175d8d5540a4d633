package incidentio

import (
	"context"
	"sync/atomic"

	"github.com/lockstep-sync/lockstep/connectors"
)

// An actor is who did something: one of its members is set.
type actor struct {
	User     *actorName `json:"user"`
	APIKey   *actorName `json:"api_key"`
	Workflow *actorName `json:"workflow"`
	Alert    *actorName `json:"alert"`
}

// An actorName names one of them; an alert is named by its title.
type actorName struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	Title string `json:"title"`
}

// name is what people call the actor; "": it is of a kind that is not known.
func (a actor) name() string {
	for _, one := range []*actorName{a.User, a.APIKey, a.Workflow, a.Alert} {
		if one == nil {
			continue
		}
		for _, name := range []string{one.Name, one.Email, one.Title, one.ID} {
			if name != "" {
				return name
			}
		}
	}
	return ""
}

// isKey reports whether an API key did it, and no person.
func (a actor) isKey() bool { return a.APIKey != nil && a.User == nil }

// An own is what is known of the key that the connector uses.
type own struct {
	id   atomic.Pointer[string] // of the answer to a post
	name atomic.Pointer[string] // of /v1/identity
}

// learn remembers the id of the key that did what was just answered.
func (o *own) learn(a actor) {
	if a.isKey() && a.APIKey.ID != "" {
		o.id.Store(&a.APIKey.ID)
	}
}

// isOurs reports whether the connector's own key did it. The API tells a key
// its name and not its id, which is known only after a post: a key of the same
// name is taken for ours.
func (c *Connector) isOurs(ctx context.Context, a actor) (bool, error) {
	if !a.isKey() {
		return false, nil
	}
	if id := c.own.id.Load(); id != nil && a.APIKey.ID == *id {
		return true, nil
	}
	name := c.own.name.Load()
	if name == nil {
		who, err := c.identity(ctx, "identity")
		if err != nil {
			return false, err
		}
		if name = &who.User; *name == "" {
			return false, &connectors.Error{
				Class: connectors.ClassRejected, Op: "identity", Record: Type + "." + c.name,
				Message: "the answer is not as the API describes it: it has no name of the key",
			}
		}
		c.own.name.Store(name)
	}
	return a.APIKey.Name == *name, nil
}
