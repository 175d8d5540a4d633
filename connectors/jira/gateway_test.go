package jira_test

import (
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
)

// TestGateway: through Atlassian's gateway, links lead to the site, which says
// where it is, or to where the configuration says.
func TestGateway(t *testing.T) {
	for name, test := range map[string]struct{ url, site, want string }{
		"the site itself":  {jiratest.DefaultURL, "", jiratest.DefaultURL},
		"a gateway":        {jiratest.GatewayURL, "", jiratest.DefaultURL},
		"with an address":  {jiratest.GatewayURL + "/", "https://jira.acme.example/", "https://jira.acme.example"},
		"a proxy in front": {"https://proxy.example", jiratest.DefaultURL, jiratest.DefaultURL},
	} {
		t.Run(name, func(t *testing.T) {
			server := jiratest.New(options())
			s := settings()
			s.URL, s.SiteURL = test.url, test.site
			made, err := jira.System().New("eng", s, connectors.Common{}, connectors.Env{RoundTripper: server.RoundTripper()})
			if err != nil {
				t.Fatal(err)
			}
			c := made.(*jira.Connector)
			record := create(t, c, key, nil)
			server.Attach(record.Number, "acc-ann", "a.png", "image/png", []byte("png"))
			files := must(c.Files(t.Context(), record))(t)
			if want := test.want + "/browse/ENG-1"; record.URL != want || len(files) != 1 || files[0].URL != test.want+"/rest/api/3/attachment/content/"+files[0].ID {
				t.Errorf("the issue is at %s, its file at %v; want %s", record.URL, files, want)
			}
		})
	}
}
