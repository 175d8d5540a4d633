package rules

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
)

const toJira = `
connector "incidentio" "acme" { api_key = "k" }
connector "jira" "eng" {
  url       = "https://acme.atlassian.net"
  email     = "bot@acme.example"
  api_token = "t"
}
route "r" {
  source    = incidentio.acme.incident
  private   = PRIVATE
  templates = [template.t]
}
template "t" {
  target = jira.eng.issue
  once {
    project   = "ENG"
    issuetype = "Bug"
    SECURITY
  }
  outbound { summary = "{{ incident.name }}" }
  inbound {
    name          = "{{ ticket.summary }}"
    custom_fields = {
      "Ticket" = "{{ ticket.number }} at {{ ticket.url }}"
      "Status" = "{{ ticket.status }}"
      "Both"   = "{{ ticket.number }} {{ ticket.priority }}"
      "All"    = "{{ ticket.?assignee.orValue('') }}"
    }
  }
  comments {
    inbound {}
    inbound { from = ["restricted"] }
    outbound { to = "TO" }
  }
}
`

func loadToJira(t *testing.T, pairs ...string) (*Set, Diagnostics) {
	t.Helper()
	dir := t.TempDir()
	text := strings.NewReplacer(append(pairs, "PRIVATE", "false", "SECURITY", "", "TO", "comment")...).Replace(toJira)
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(t.Context(), dir, Options{Systems: realSystems(), Offline: true})
}

// TestContentsOfAPrivateTicket: of an issue under a security level that its
// template did not set, number, address and state go back and nothing else.
func TestContentsOfAPrivateTicket(t *testing.T) {
	const all = 5
	for name, test := range map[string]struct {
		config []string
		level  string // "": none
		values int    // that go back
	}{
		"no level":                    {nil, "", all},
		"a level":                     {nil, "Board", 2},
		"on a route for private":      {[]string{"PRIVATE", "true"}, "Board", all},
		"the template's level":        {[]string{"SECURITY", `security = "Board"`}, "Board", all},
		"another than the template's": {[]string{"SECURITY", `security = "Staff"`}, "Board", 2},
	} {
		t.Run(name, func(t *testing.T) {
			set, found := loadToJira(t, test.config...)
			if set == nil {
				t.Fatal(textOf(found))
			}
			ticket := connectors.Record{
				Ref:    connectors.Collection{Type: "jira", Connector: "eng", Record: "issue"}.Ref("1"),
				Number: "ENG-1", URL: "https://acme.atlassian.net/browse/ENG-1",
				Fields: map[string]any{"summary": "secret", "priority": "secret", "assignee": "secret", "status": "Done", "security": nil},
			}
			if test.level != "" {
				ticket.Fields["security"], ticket.Private = test.level, true
			}
			d := set.Decide("r", Input{Record: incident(nil), Linked: "t", LinkID: "l", Ticket: &ticket})
			values := 0
			for _, v := range d.Inbound {
				if v.Err != nil {
					t.Errorf("%s: %v", v.Field, v.Err)
				}
				if v.Value != nil {
					values++
				}
				if s, ok := v.Value.(string); ok && test.values < all && strings.Contains(s, "secret") {
					t.Errorf("%s is %q", v.Field, s)
				}
			}
			if values != test.values || d.Withheld != (test.values < all) {
				t.Errorf("%d values go back, want %d; withheld %t", values, test.values, d.Withheld)
			}
		})
	}
}

// TestRestrictedComments: they are taken where a clause names them, and never
// written.
func TestRestrictedComments(t *testing.T) {
	set, found := loadToJira(t)
	if set == nil {
		t.Fatal(textOf(found))
	}
	inbound := set.Templates["t"].Comments.Inbound
	for kind, at := range map[string]int{"comment": 0, "internal": 0, "restricted": 1} {
		clause, err := MatchComment(inbound, connectors.Comment{Kind: kind, Text: "said"})
		if err != nil || clause != &inbound[at] {
			t.Errorf("%s is taken by %v (%v)", kind, clause, err)
		}
	}
	if clause, _ := MatchComment(inbound[:1], connectors.Comment{Kind: "restricted", Text: "said"}); clause != nil {
		t.Error("a restricted comment is taken without being named")
	}
	set, found = loadToJira(t, "TO", "restricted")
	if set != nil || !slices.ContainsFunc(found, func(d Diagnostic) bool { return strings.Contains(d.Summary, `"restricted" are never written`) }) {
		t.Errorf("written: %s", textOf(found))
	}
}
