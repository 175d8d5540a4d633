// Package servicenow connects ServiceNow: any table through the Table API,
// with what is known of incident and the other task tables.
//
// It knows the connectors' contract and its transport, nothing of rules or of
// the engine, and shares nothing with its simulator but the vendor's API.
package servicenow

import (
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Type is the connector type.
const Type = "servicenow"

// Defaults of the common settings. ServiceNow publishes no rate limit: rules of
// the instance set it, and there are none until somebody writes one. 1200 a
// minute is what incident.io takes, and what lockstep needs for it. The
// platform cancels a REST transaction after 60 s, which with the time-out of
// our own requests gives the 120 s of Settle. A query sees every committed
// write, so IndexLag is zero.
const (
	defaultPollInterval = 60 * time.Second
	defaultSettle       = 120 * time.Second
	defaultRateLimit    = 1200
)

// Settings are the attributes of a connector block. Pointers tell what is not
// written from what is empty.
type Settings struct {
	URL      string             `hcl:"url"`
	Username *string            `hcl:"username,optional"`
	Password *connectors.Secret `hcl:"password,optional"`
	OAuth    *OAuth             `hcl:"oauth,block"`
}

// OAuth is the oauth block: the client credentials grant, or with username and
// password the password grant.
type OAuth struct {
	ClientID     string            `hcl:"client_id"`
	ClientSecret connectors.Secret `hcl:"client_secret"`
}

// System describes the connector type.
func System() connectors.System {
	schemas := newSchemas()
	return connectors.Typed(connectors.System{
		Type: Type,
		Defaults: connectors.Common{
			PollInterval: defaultPollInterval,
			Settle:       defaultSettle,
			RateLimit:    defaultRateLimit,
		},
		WriteTimeout: writeTimeout,
		Records: []string{
			"incident", "incident_task", "sc_request", "sc_req_item", "sc_task",
			"problem", "problem_task", "change_request", "change_task",
		},
		Schema:   schemas.of,
		Familiar: isTable,
		Decode: func(c connectors.Collection, body []byte) (connectors.Record, error) {
			schema, ok := schemas.of(c.Record)
			if !ok {
				return connectors.Record{}, fmt.Errorf("%q is not the name of a table", c.Record)
			}
			return decodeBody(c, schema, body)
		},
		Object: func(_ connectors.Collection, body []byte) map[string]any { return objectOf(body) },
		Convert: func(record, field string, v any) (any, error) {
			schema, ok := schemas.of(record)
			if !ok || v == nil {
				return nil, nil
			}
			return convert(schema.Fields[field], v)
		},
	}, check, func(name string, s *Settings, common connectors.Common, env connectors.Env) (connectors.Connector, error) {
		return newConnector(name, s, common, env, schemas)
	})
}

// check says what is wrong with a block. An address, user name or secret that
// is written and empty may come from env() in an offline command.
func check(s *Settings) []connectors.SettingError {
	wrong := address().Check(s.URL)
	const how = "Write username and password for basic authentication, or an oauth block with client_id and client_secret; with both, OAuth's password grant is used."
	switch {
	case s.Username != nil && s.Password == nil:
		wrong = append(wrong, connectors.SettingError{Attribute: "username", Summary: "username without password", Detail: how})
	case s.Username == nil && s.Password != nil:
		wrong = append(wrong, connectors.SettingError{Attribute: "password", Summary: "password without username", Detail: how})
	case s.Username == nil && s.OAuth == nil:
		wrong = append(wrong, connectors.SettingError{Summary: "no credentials", Detail: how})
	}
	return wrong
}

func address() connectors.AddressRule {
	return connectors.AddressRule{
		Attribute: "url", Credentials: "They belong into username and password.",
		Example:   "Write the instance's address alone, as https://acme.service-now.com.",
		HostAlone: func(string) bool { return true },
	}
}

// tableName is how ServiceNow names tables.
var tableName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,79}$`)

// schemas makes each table's schema once, for a Schema is the same value each
// time.
type schemas struct {
	mu     sync.Mutex
	tables map[string]*connectors.Schema
}

func newSchemas() *schemas { return &schemas{tables: map[string]*connectors.Schema{}} }

func (s *schemas) of(table string) (*connectors.Schema, bool) {
	if !tableName.MatchString(table) {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	schema := s.tables[table]
	if schema == nil {
		schema = schemaOf(table)
		s.tables[table] = schema
	}
	return schema, true
}
