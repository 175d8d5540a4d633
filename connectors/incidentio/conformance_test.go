package incidentio_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/conformance"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
)

func TestConformance(t *testing.T) {
	const key = incidentiotest.DefaultKey
	conformance.Run(t, conformance.System{
		Secrets:   []string{key, testSecret, strings.TrimPrefix(testSecret, "whsec_")},
		ReadTries: 3,
		Start: func(t *testing.T, logger *slog.Logger) conformance.Subject {
			server := incidentiotest.New(incidentiotest.Options{})
			common := incidentio.System().Defaults
			common.WebhookSecret, common.RateLimit = testSecret, 0
			made, err := incidentio.System().New("acme", &incidentio.Settings{APIKey: key}, common, connectors.Env{RoundTripper: server.RoundTripper(), Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			incident := create(t, server, incidentiotest.SetName("Database down"), incidentiotest.SetSummary("Slow"))
			server.AddCustomField("Lockstep key", "text")
			return conformance.Subject{
				Connector: made, Endpoint: server.Endpoint,
				Record: incidents.Ref(incident.ID), Text: "summary",
				Create:  map[string]any{"name": "Our database is sad", "severity": "Major", "incident_type": "Security"},
				Comment: []string{"timeline", "update"},
				Say: func(text string) {
					if _, err := server.PostUpdate(incident.ID, text); err != nil {
						t.Fatal(err)
					}
				},
				Edit:   func(text string) { edit(t, server, incident.ID, incidentiotest.SetSummary(text)) },
				Settle: time.Minute,
				Ahead: func(at time.Time) {
					server.StampIncident(create(t, server, incidentiotest.SetName("Later")).ID, at)
				},
			}
		},
	})
}

// TestFollowUpConformance holds follow-ups to the contract, which have no idempotency
// key: their own key is one of their labels.
func TestFollowUpConformance(t *testing.T) {
	const key = incidentiotest.DefaultKey
	conformance.Run(t, conformance.System{
		Secrets:   []string{key},
		ReadTries: 3,
		Start: func(t *testing.T, logger *slog.Logger) conformance.Subject {
			server := incidentiotest.New(incidentiotest.Options{})
			common := incidentio.System().Defaults
			common.RateLimit = 0
			made, err := incidentio.System().New("acme", &incidentio.Settings{APIKey: key}, common, connectors.Env{RoundTripper: server.RoundTripper(), Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			incident := create(t, server, incidentiotest.SetName("Database down"))
			followUp, err := server.AddFollowUp(incident.ID, incidentiotest.FollowUp{Title: "Add an index"})
			if err != nil {
				t.Fatal(err)
			}
			return conformance.Subject{
				Connector: made, Endpoint: server.Endpoint,
				Record: followUps.Ref(followUp.ID), Text: "description",
				Create: map[string]any{"incident_id": incident.ID, "title": "Add a replica", "labels": []any{"database"}},
				Edit: func(text string) {
					if err := server.EditFollowUp(followUp.ID, func(f *incidentiotest.FollowUp) { f.Description = text }); err != nil {
						t.Fatal(err)
					}
				},
				Forgets: true, Unnumbered: true,
				Settle: time.Minute,
			}
		},
	})
}
