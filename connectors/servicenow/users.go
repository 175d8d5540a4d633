package servicenow

import (
	"context"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// namesPage bounds the names of one query, which stands in an address.
const namesPage = 100

// names are the names of users by their user names, as far as they can be read.
func (c *Connector) names(ctx context.Context, userNames []string) (map[string]string, error) {
	names := map[string]string{}
	var ask []string
	for _, user := range values.Unique(userNames) {
		answer, known := c.found.Get(nameKey(user))
		switch {
		case known:
			names[user] = answer.ID
		case queryable(user) && !strings.Contains(user, ","):
			ask = append(ask, user)
		}
	}
	for len(ask) > 0 {
		some := ask[:min(len(ask), namesPage)]
		ask = ask[len(some):]
		rows, _, err := c.first(ctx, c.userQuery("user_nameIN"+strings.Join(some, ",")+"^ORDERBYsys_id", "user_name,name", 2*namesPage))
		if err != nil && !connectors.IsRefusal(err) {
			return nil, err
		}
		for _, r := range rows {
			if name := strings.TrimSpace(r.text("name")); name != "" {
				names[r.text("user_name")] = name
			}
		}
		for _, user := range some {
			c.found.Put(nameKey(user), resolve.Found{ID: names[user]})
		}
	}
	return names, nil
}

func (c *Connector) userQuery(where, fields string, limit int) query {
	return query{op: "lookup", record: c.name + ".sys_user", table: "sys_user", where: where, fields: fields, limit: limit}
}

func nameKey(user string) lookupKey {
	return lookupKey{table: "sys_user", column: " name of", value: user}
}

// isUser reports whether a user name is that of the user. Names are told apart
// without regard to case, as the instance does at sign-in.
func isUser(name, user string) bool { return user != "" && strings.EqualFold(name, user) }

// own is the user name of these credentials as the instance has it; "" where
// it cannot be known. An OAuth application acts as a user whom only the instance
// knows, and what people sign in with may be another of their names: a query's
// script is the one way to ask. Where it is not run, there is no such user, and
// where the condition is dropped, there are more than one: then it is the name
// that was configured.
func (c *Connector) own(ctx context.Context) (string, error) {
	key := lookupKey{table: "sys_user", column: " own"}
	if answer, known := c.found.Get(key); known {
		return answer.ID, nil
	}
	rows, more, err := c.first(ctx, c.userQuery("user_name=javascript:gs.getUserName()", "user_name", 2))
	if err != nil && !connectors.IsRefusal(err) {
		return "", err
	}
	answer := resolve.Found{ID: c.username}
	if len(rows) == 1 && !more {
		answer.ID = rows[0].text("user_name")
	}
	c.found.Put(key, answer)
	return answer.ID, nil
}
