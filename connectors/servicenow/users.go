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
// it cannot be known. Rows bear names alone, and no two users share one.
func (c *Connector) own(ctx context.Context) (string, error) {
	me, err := c.me(ctx)
	return me.userName, err
}

// A user is an account of the instance.
type user struct{ id, userName string }

// me is the user of these credentials; without an id where the instance does not tell
// it. An OAuth application acts as a user whom only the instance knows, and what
// people sign in with may be another of their names, or one that was given to somebody
// else since: a query's script is the one way to ask, for the id, which never changes,
// or else for the name. Where it is not run, there is no such user, and where the
// condition is dropped, there are more than one: then it is the name that was
// configured.
func (c *Connector) me(ctx context.Context) (user, error) {
	key := lookupKey{table: "sys_user", column: " own"}
	if answer, known := c.found.Get(key); known {
		id, name, _ := strings.Cut(answer.ID, " ")
		return user{id, name}, nil
	}
	me := user{userName: c.username}
	for _, who := range []string{"sys_id=javascript:gs.getUserID()", "user_name=javascript:gs.getUserName()"} {
		rows, more, err := c.first(ctx, c.userQuery(who, "sys_id,user_name", 2))
		if err != nil && !connectors.IsRefusal(err) {
			return user{}, err
		}
		if err == nil && len(rows) == 1 && !more && rows[0].text("user_name") != "" {
			me = user{rows[0].text("sys_id"), rows[0].text("user_name")}
			break
		}
	}
	c.found.Put(key, resolve.Found{ID: me.id + " " + me.userName})
	return me, nil
}
