// Package incidentio connects incident.io: incidents and their follow-ups.
//
// It knows the connectors' contract and its transport, nothing of rules or of
// the engine, and shares nothing with its simulator but the vendor's API.
package incidentio

import (
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/standardwebhooks"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// Type is the connector type.
const Type = "incidentio"

// The record types.
const (
	incidentRecord = "incident"
	followUpRecord = "follow_up"
)

// DefaultURL is the address of the API.
const DefaultURL = "https://api.incident.io"

// Defaults of the common settings. The rate is the one the vendor publishes
// for a key. Its lists show every committed write, so IndexLag is zero.
const (
	defaultPollInterval = 60 * time.Second
	defaultSettle       = 60 * time.Second
	defaultRateLimit    = 1200
)

// Settings are the attributes of a connector block.
type Settings struct {
	APIKey connectors.Secret `hcl:"api_key"`
	APIURL string            `hcl:"api_url,optional"` // empty: DefaultURL
}

// System describes the connector type.
func System() connectors.System {
	schemas := connectors.Schemas{
		incidentRecord: incidentSchema(),
		followUpRecord: followUpSchema(),
	}
	return connectors.Typed(connectors.System{
		Type: Type,
		Defaults: connectors.Common{
			PollInterval: defaultPollInterval,
			Settle:       defaultSettle,
			RateLimit:    defaultRateLimit,
		},
		WriteTimeout: transport.DefaultWriteTimeout,
		Records:      []string{incidentRecord, followUpRecord},
		Schema:       schemas.Of,
		CheckCommon: func(common connectors.Common) []connectors.SettingError {
			if _, err := standardwebhooks.Key(common.WebhookSecret); err != nil {
				return []connectors.SettingError{{
					Attribute: "webhook_secret", Summary: "not a signing secret", Detail: "Copy it whole from the endpoint's page: whsec_ and what follows.",
				}}
			}
			return nil
		},
		Decode: func(c connectors.Collection, body []byte) (connectors.Record, error) {
			schema, ok := schemas[c.Record]
			if !ok {
				return connectors.Record{}, fmt.Errorf("incident.io has no record type %q", c.Record)
			}
			return decode(c, schema, body)
		},
		Object:  func(_ connectors.Collection, body []byte) map[string]any { return objectOf(body) },
		Convert: func(record, field string, v any) (any, error) { return convertField(schemas, record, field, v) },
	}, check, func(name string, s *Settings, common connectors.Common, env connectors.Env) (connectors.Connector, error) {
		return newConnector(name, s, common, env, schemas)
	})
}

// check says what is wrong with a block.
func check(s *Settings) []connectors.SettingError {
	return connectors.AddressRule{
		Attribute: "api_url", Credentials: "The key belongs into api_key.",
		Example: "Leave api_url out for " + DefaultURL + ", or write the whole address of a proxy, as https://proxy.example/incidentio.",
	}.Check(s.APIURL)
}
