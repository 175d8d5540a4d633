package ruletest_test

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/engine/ruletest"
)

// TestValuesAsTheConnectorsTakeThem: what a connector takes, cuts or refuses is so in
// rule tests as well.
func TestValuesAsTheConnectorsTakeThem(t *testing.T) {
	const hcl = `
route "values" {
  source    = incidentio.acme.incident
  templates = [template.ticket, template.issue]
}
template "ticket" {
  target = servicenow.itsm.incident
  when   = "incident.incident_type.name == 'Ticket'"
  once { state = 1 }
  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }}"
    due_date          = "{{ incident.custom_fields['Due'] }}"
    knowledge         = "{{ incident.custom_fields['Flag'] }}"
    caller_id         = "{{ incident.custom_fields['Person'] }}"
  }
  inbound {
    name = "{{ ticket.short_description }}{{ ticket.hold_reason }}"
  }
}
template "issue" {
  target = jira.eng.issue
  when   = "incident.incident_type.name == 'Issue'"
  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound {
    summary  = "{{ incident.name }}"
    labels   = "{{ incident.custom_fields['Labels'] }}"
    duedate  = "{{ incident.custom_fields['Due'] }}"
    assignee = "{{ incident.custom_fields['Person'] }}"
  }
}
`
	incident := func(kind, more string) string {
		return `-- values.json --
{"id":"01VALUES","name":"Two\nlines","mode":"standard","visibility":"public","incident_status":{"name":"Now","category":"live"},"incident_type":{"name":"` + kind + `"}` + more + `}`
	}
	for name, test := range map[string]struct{ script, incident string }{
		"a time as ServiceNow writes it": {
			"create values.json\nticket\nstdout '^due_date +\"2026-01-02T10:00:00Z\"$'",
			incident("Ticket", `,"custom_fields":{"Due":"2026-01-02 10:00:00"}`),
		},
		"Markdown is plain text in a ticket, whose title is one line": {
			"create values.json\nticket\nstdout '^description +\"bold\"$'\nstdout '^short_description +\"Two lines\"$'",
			incident("Ticket", `,"summary":"**bold**"`),
		},
		"t is not a bool": {
			"create values.json\nstderr 'knowledge'",
			incident("Ticket", `,"custom_fields":{"Flag":"t"}`),
		},
		"a label with a space": {
			"create values.json\nstderr 'labels hold no spaces'",
			incident("Issue", `,"custom_fields":{"Labels":["two words"]}`),
		},
		"next week is not a day": {
			"create values.json\nstderr 'expected a day'",
			incident("Issue", `,"custom_fields":{"Due":"next week"}`),
		},
		"an address is not an account": {
			"create values.json\nstderr 'assignee.*account id'",
			incident("Issue", `,"custom_fields":{"Person":"lisa@acme.example"}`),
		},
		"an address is not a sys_id": {
			"create values.json\nstderr 'caller_id.*sys_id'",
			incident("Ticket", `,"custom_fields":{"Person":"lisa@acme.example"}`),
		},
		"an incident's name is never empty": {
			"create values.json\nticket set short_description=\nstderr 'name.*cannot be empty'",
			incident("Ticket", ``),
		},
		"an issue's summary is never empty": {
			"create values.json\nstderr 'summary.*cannot be empty'\n! ticket",
			strings.Replace(incident("Issue", ``), `Two\nlines`, " ", 1),
		},
		"route says so": {
			"route values.json\nstdout '^action +none$'\nstdout '^reason +labels: labels hold no spaces'",
			incident("Issue", `,"custom_fields":{"Labels":["two words"]}`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := run(t, hcl, test.script+"\n"+strings.TrimRight(test.incident, "\n")+"\n", ruletest.Options{}); r.Status != ruletest.Passed {
				t.Errorf("%s: %s\n%s", r.Command, r.Message, r.Log)
			}
		})
	}
}

// TestWhatTheVendorRefuses: what a system is known to refuse is refused here, for the
// daemon's reasons, and slips of the pen are not taken for edits.
func TestWhatTheVendorRefuses(t *testing.T) {
	const hcl = `
route "closing" {
  source    = incidentio.acme.incident
  templates = [template.closing]
}
template "closing" {
  target = servicenow.itsm.incident
  when   = "incident.incident_type.name == 'Closing'"
  once { close_notes = "Done." }
  outbound {
    short_description = "{{ incident.name }}"
    close_code        = "{{ incident.summary }}"
  }
  state { table = state_table.incident }
}
`
	incident := func(more string) string {
		return `-- values.json --
{"id":"01VALUES","name":"x","mode":"standard","visibility":"public","incident_status":{"name":"Investigating","category":"live"},"incident_type":{"name":"Closing"}` + more + `}`
	}
	for name, test := range map[string]struct{ script, incident, fails string }{
		"a closing without a code": {"create values.json\nedit incident_status.name=Closed incident_status.category=closed\nstderr 'data_policy field state: .*field close_code: .*mandatory: close_code'\nticket\nstdout '^state +2$'", incident(``), ""},
		"a closing with one":       {"create values.json\nedit summary=Duplicate incident_status.name=Closed incident_status.category=closed\nticket\nstdout '^state +6$'", incident(``), ""},
		"a choice in an edit":      {"create values.json\nedit mode=standrd", incident(``), `mode: "standrd" is not a choice; did you mean "standard"?`},
		"a choice of a ticket":     {"create values.json\nticket set urgency=7", incident(``), `urgency: 7 is not a choice; choices: 1, 2, 3`},
		"a field of a ticket":      {"create values.json\nticket set shrt_description=x", incident(``), `servicenow.itsm.incident has no field "shrt_description"; did you mean "short_description"?`},
		"a field of a fixture":     {"create values.json", incident(`,"severty":{"name":"Critical"}`), `incidentio.acme.incident has no field "severty"; did you mean "severity"?`},
		"a choice of a fixture":    {"create values.json", strings.Replace(incident(``), `"standard"`, `"standrd"`, 1), `mode: "standrd" is not a choice; did you mean "standard"?`},
		"a read-only field":        {"create values.json\nticket set number=INC7", incident(``), `number is read-only`},
		"closing by hand":          {"create values.json\nticket set state=6", incident(``), `the following fields are mandatory: close_code`},
		"closing by hand, in full": {"create values.json\nticket set state=6 close_code=Duplicate close_notes=x\nticket\nstdout '^state +6$'", incident(``), ""},
		"free text for a sys_id":   {"create values.json\nticket set 'caller_id=Joe Blogs'", incident(``), `caller_id: the system does not take "Joe Blogs": it takes a sys_id`},
		"a member of a fixture":    {"create values.json", incident(`,"severity":{"nmae":"Critical"}`), `severity has no field "nmae"; did you mean "name"?`},
		"a member in a list":       {"create values.json", incident(`,"custom_field_entries":[{"custom_feld":{"name":"Team"}}]`), `custom_field_entries[0] has no field "custom_feld"; did you mean "custom_field"?`},
		"deep in a list":           {"create values.json", incident(`,"incident_role_assignments":[{"role":{"nam":"Lead"},"assignee":{"id":"1"}}]`), `incident_role_assignments[0].role has no field "nam"; did you mean "name"?`},
		"nothing like it":          {"create values.json", incident(`,"severity":{"colour":"red"}`), `severity has no field "colour"; it has created_at, description, id, name, rank, updated_at`},
		"a choice in a list":       {"create values.json", incident(`,"custom_field_entries":[{"custom_field":{"name":"Team","field_type":"single"}}]`), `custom_field_entries.custom_field.field_type: "single" is not a choice`},
		"a member in an edit":      {"create values.json\nedit 'severity={\"nmae\":\"Critical\"}'", incident(``), `severity has no field "nmae"; did you mean "name"?`},
		"a file of an edit":        {"create values.json\nedit other.json", incident(``) + "\n-- other.json --\n" + `{"id":"01VALUES","incident_status":{"nam":"Closed"}}`, `incident_status has no field "nam"; did you mean "name"?`},
		"a choice in JSON":         {"create values.json\nedit 'incident_status={\"name\":\"x\",\"category\":\"clsed\"}'", incident(``), `incident_status.category: "clsed" is not a choice; did you mean "closed"?`},
		"a fixture that is routed": {"route values.json", incident(`,"severity":{"nmae":"Critical"}`), `severity has no field "nmae"; did you mean "name"?`},
		"a webhook's body":         {"create values.json", "-- values.json --\n" + `{"event_type":"public_incident.incident_created_v2","public_incident.incident_created_v2":{"id":"01VALUES","severity":{"nmae":"x"},"incident_status":{"name":"x","category":"live"}}}`, `severity has no field "nmae"`},
		"a category of a fixture":  {"create values.json", strings.Replace(incident(``), `"live"`, `"lve"`, 1), `incident_status.category: "lve" is not a choice; did you mean "live"?`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, hcl, test.script+"\n"+test.incident+"\n", ruletest.Options{})
			if want := map[bool]ruletest.Status{true: ruletest.Passed, false: ruletest.Failed}[test.fails == ""]; r.Status != want || !strings.Contains(r.Message, test.fails) {
				t.Errorf("%s: %s: %s\n%s", r.Status, r.Command, r.Message, r.Log)
			}
		})
	}
}

// TestWhatNoTicketOpensWith: a value that its system refuses, and one that it cannot do
// without, keep the ticket from being opened, in a rule test as in what explain says.
func TestWhatNoTicketOpensWith(t *testing.T) {
	const hcl = `
locals { urgency = { Critical = 7 } }
route "jira" {
  source    = incidentio.acme.incident
  templates = [template.issue]
}
route "servicenow" {
  source    = incidentio.acme.incident
  templates = [template.incident]
}
template "issue" {
  target = jira.eng.issue
  when   = "incident.incident_type.name == 'Opening'"
  once {
    project   = "ENG"
    issuetype = "Bug"
  }
  outbound { summary = "{{ incident.summary }}" }
}
template "incident" {
  target = servicenow.itsm.incident
  when   = "incident.incident_type.name == 'Opening'"
  outbound {
    short_description = "{{ incident.summary }}"
    urgency           = "{{ lookup(local.urgency, incident.severity.name, 2) }}"
  }
}
`
	body := func(more string) string {
		return "-- x.json --\n" + `{"id":"01OPENING","name":"x","mode":"standard","visibility":"public","incident_status":{"name":"Investigating","category":"live"},"incident_type":{"name":"Opening"}` + more + "}\n"
	}
	for name, test := range map[string]struct{ script, body string }{
		"without a summary":          {"create x.json\nstderr 'route jira, .*mandatory'\n! ticket eng", body("")},
		"what explain says of it":    {"route x.json\nstdout '^reason    summary: it cannot be empty$'", body("")},
		"a blank summary":            {"create x.json\nstderr 'route jira, .*summary'\n! ticket eng", body(`,"summary":" "`)},
		"with one":                   {"create x.json\nticket eng\nstdout '^summary  .a.$'", body(`,"summary":"a"`)},
		"not a choice":               {"create x.json\nstderr 'urgency: it takes one of 1 .High., 2 .Medium., 3 .Low.'", body(`,"summary":"a","severity":{"name":"Critical"}`)},
		"what explain says of that":  {"route x.json\nstdout '^reason    urgency: it takes one of 1 .High., 2 .Medium., 3 .Low.$'", body(`,"summary":"a","severity":{"name":"Critical"}`)},
		"a choice":                   {"create x.json\nticket itsm\nstdout '^urgency +2$'", body(`,"summary":"a"`)},
		"a summary with line breaks": {"create x.json\nticket eng\nstdout '^summary  .a b.$'", body(`,"summary":"a\nb"`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := run(t, hcl, test.script+"\n"+test.body, ruletest.Options{}); r.Status != ruletest.Passed {
				t.Errorf("%s: %s\n%s", r.Command, r.Message, r.Log)
			}
		})
	}
}
