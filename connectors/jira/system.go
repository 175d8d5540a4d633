// Package jira connects Jira Cloud: its issues, with their comments and
// attachments, through version 3 of its REST API.
//
// It knows the connectors' contract and its transport, nothing of rules or of
// the engine, and shares nothing with its simulator but the vendor's API.
package jira

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// Type is the connector type.
const Type = "jira"

// issueRecord is the one record type.
const issueRecord = "issue"

// Defaults of the common settings. Jira publishes 50 writes a second as the
// lowest of its burst limits. Its search may lag minutes behind a write.
const (
	defaultPollInterval = 60 * time.Second
	defaultSettle       = 60 * time.Second
	defaultIndexLag     = 10 * time.Minute
	defaultRateLimit    = 50 * 60
)

// Settings are the attributes of a connector block.
type Settings struct {
	URL      string            `hcl:"url"`
	Email    string            `hcl:"email"`
	APIToken connectors.Secret `hcl:"api_token"`
	// SiteURL is where people open the site, if that is not URL.
	SiteURL string `hcl:"site_url,optional"`
}

// System describes the connector type.
func System() connectors.System {
	schemas := connectors.Schemas{issueRecord: issueSchema()}
	return connectors.Typed(connectors.System{
		Type: Type,
		Defaults: connectors.Common{
			PollInterval: defaultPollInterval,
			Settle:       defaultSettle,
			IndexLag:     defaultIndexLag,
			RateLimit:    defaultRateLimit,
		},
		WriteTimeout: transport.DefaultWriteTimeout,
		Records:      []string{issueRecord},
		Schema:       schemas.Of,
		Decode: func(c connectors.Collection, body []byte) (connectors.Record, error) {
			schema, ok := schemas.Of(c.Record)
			if !ok {
				return connectors.Record{}, fmt.Errorf("jira has no record type %q", c.Record)
			}
			return decode(c, schema, body)
		},
		Object: func(_ connectors.Collection, body []byte) map[string]any {
			object, err := values.ParseObject(body)
			if err != nil {
				return nil
			}
			return objectOf(object)
		},
		Convert: func(_, field string, v any) (any, error) { return convertField(schemas[issueRecord], field, v) },
	}, check, func(name string, s *Settings, common connectors.Common, env connectors.Env) (connectors.Connector, error) {
		return newConnector(name, s, common, env, schemas[issueRecord])
	})
}

// check says what is wrong with a block. What is written and empty may come
// from env() in an offline command.
func check(s *Settings) []connectors.SettingError {
	wrong := address("url").Check(s.URL)
	wrong = append(wrong, address("site_url").Check(s.SiteURL)...)
	if s.Email != "" && (!strings.Contains(s.Email, "@") || strings.ContainsAny(s.Email, ": \t\r\n")) {
		wrong = append(wrong, connectors.SettingError{
			Attribute: "email",
			Summary:   "not an e-mail address",
			Detail:    "Write the address of the Atlassian account to which the API token belongs, as bot@acme.example.",
		})
	}
	return wrong
}

func address(attribute string) connectors.AddressRule {
	return connectors.AddressRule{
		Attribute: attribute, Credentials: "They belong into email and api_token.",
		Example:   "Write the site's address alone, as https://acme.atlassian.net.",
		HostAlone: func(host string) bool { return strings.HasSuffix(host, ".atlassian.net") },
	}
}
