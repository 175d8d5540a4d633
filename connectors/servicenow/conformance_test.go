package servicenow_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/conformance"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.System{
		Secrets:   secrets,
		ReadTries: 3,
		Start: func(t *testing.T, logger *slog.Logger) conformance.Subject {
			server := servicenowtest.New(options())
			made, err := servicenow.System().New("itsm", basic(), connectors.Common{WebhookSecret: webhookSecret}, connectors.Env{RoundTripper: server.RoundTripper(), Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			id, err := server.Open("incident", "beth.anglin", servicenowtest.Row{"short_description": "Database down"})
			if err != nil {
				t.Fatal(err)
			}
			edit := func(fields servicenowtest.Row) {
				if err := server.Edit("incident", id, "beth.anglin", fields); err != nil {
					t.Fatal(err)
				}
			}
			return conformance.Subject{
				Connector: made, Endpoint: server.Endpoint,
				Record: incidents.Ref(id), Text: "description",
				Create:  map[string]any{"short_description": "Our database is sad", "urgency": int64(2)},
				Comment: []string{"work_notes", "comments"},
				Say:     func(text string) { edit(servicenowtest.Row{"work_notes": text}) },
				Edit:    func(text string) { edit(servicenowtest.Row{"description": text}) },
				Settle:  2 * time.Minute,
				Ahead: func(at time.Time) {
					server.SetRow("incident", must(server.Open("incident", "anna", servicenowtest.Row{"short_description": "later"}))(t), servicenowtest.Row{"sys_updated_on": at.UTC().Format(time.DateTime)})
				},
			}
		},
	})
}
