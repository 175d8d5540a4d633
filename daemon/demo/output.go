package demo

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/daemon/simulators"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/rules"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

// explain decides the record again, as 'lockstep explain' does, and shows what
// decided.
func (s *scenario) explain(record connectors.Ref) error {
	incident, ok := s.systems.Incidents.Incident(record.ID)
	if !ok {
		return fmt.Errorf("%s is gone", record)
	}
	body, err := json.Marshal(map[string]any{"incident": incident})
	if err != nil {
		return err
	}
	decisions, err := engine.Explain(s.set, s.set.Routes, body, nil)
	if err != nil {
		return err
	}
	for _, d := range decisions {
		for _, skipped := range d.Skipped {
			s.skipped(skipped)
		}
		if d.Template == "" {
			s.line("no ticket", d.Reason)
			continue
		}
		s.line("template", d.Template+", because "+d.Condition)
		if d.Action == rules.None {
			s.line("no ticket", d.Reason)
		}
	}
	return nil
}

// skipped shows a template that was tried before, and the fields that decided
// against it.
func (s *scenario) skipped(t rules.Skipped) {
	s.line("skipped", t.Template+", because "+t.Condition+" is false:")
	for _, o := range t.Operands {
		fmt.Fprintf(s.Out, "               %s = %s\n", o.Path, o.JSON)
	}
}

// show shows fields of a ticket as ServiceNow holds them.
func (s *scenario) show(ticket servicenowtest.Row, fields ...string) {
	s.line("ticket", ticket["number"]+" in ServiceNow")
	for _, f := range fields {
		fmt.Fprintf(s.Out, "               %-18s %s\n", f, quoted(ticket[f]))
	}
}

// showIssue shows an issue with its comments.
func (s *scenario) showIssue(key string) {
	issue := s.systems.Issues.Issue(key)
	s.line("issue", key+" in Jira")
	summary, _ := issue["summary"].(string)
	s.detail("summary", quoted(summary))
	s.detail("status", quoted(s.systems.Issues.Status(key)))
	for _, c := range s.systems.Issues.Comments(key) {
		s.detail("comment", c)
	}
}

// showTicket shows a ticket with its journal and files.
func (s *scenario) showTicket(number string) {
	ticket := s.systems.Tickets.Ticket("incident", number)
	s.show(ticket, "short_description", "state")
	for _, e := range s.systems.Tickets.Journal("incident", number) {
		s.detail(strings.TrimSuffix(e.Element, "s"), e.By+": "+e.Value)
	}
	for _, f := range s.systems.Tickets.Attachments("incident", number) {
		s.detail("attachment", f.Name)
	}
}

// showIncident shows an incident with what came from its ticket.
func (s *scenario) showIncident(record connectors.Ref) {
	incident, _ := s.systems.Incidents.Incident(record.ID)
	s.line("incident", incident.Reference+" in incident.io")
	s.detail("status", incident.IncidentStatus.Name)
	for _, f := range incident.CustomFieldEntries {
		if len(f.Values) > 0 {
			s.detail(f.CustomField.Name, f.Values[0].Text)
		}
	}
	for _, i := range s.systems.Incidents.TimelineItems(record.ID) {
		s.detail("timeline", i.Title+": "+i.Description)
	}
	for _, a := range s.systems.Incidents.Attachments(record.ID) {
		s.detail("attachment", a.Resource.Title+" "+a.Resource.Permalink)
	}
}

// detail prints one thing of a record; further lines stand below its first.
func (s *scenario) detail(name, text string) {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "\n                                  ")
	fmt.Fprintf(s.Out, "               %-18s %s\n", name, text)
}

func (s *scenario) heading(text string) {
	s.scene++
	title := fmt.Sprintf("%d. %s", s.scene, text)
	if !s.Color {
		fmt.Fprintf(s.Out, "\n%s\n", title)
		return
	}
	fmt.Fprintln(s.Out)
	visible.Styled(s.Out, "\x1b[1m", title)
	fmt.Fprintln(s.Out)
}

func (s *scenario) line(what, text string) { fmt.Fprintf(s.Out, "   %-10s  %s\n", what, text) }

func (s *scenario) say(format string, args ...any) { fmt.Fprintf(s.Out, "   "+format+"\n", args...) }

func (s *scenario) epilogue(took time.Duration) {
	incidents, followUps := len(s.systems.Incidents.Incidents()), 0
	for _, i := range s.systems.Incidents.Incidents() {
		followUps += len(s.systems.Incidents.FollowUps(i.ID))
	}
	tickets := s.allTickets() - followUps
	fmt.Fprintf(s.Out, `
In %.1f seconds: %d incidents declared, %d of them got their ticket, %d got none and
the reason is known; what people did on either side reached the other, once; a
mistake in the rules stopped nothing; a restart lost nothing and opened nothing
twice.
`, took.Seconds(), incidents, tickets, incidents-tickets)
	command := s.Command
	if !s.Keep {
		fmt.Fprintf(s.Out, `
Try next:
  %[1]s demo -keep   the same, and it stays up
  %[1]s sandbox      the simulators alone, for rules of your own
  %[1]s check examples/engineering-to-jira-security-to-servicenow   the rules it ran on
  %[1]s test examples/engineering-to-jira-security-to-servicenow    and their tests
`, command)
		return
	}
	fmt.Fprintf(s.Out, `
Everything stays up until you stop it (Ctrl-C). Try, in another terminal:
  export LOCKSTEP_ADMIN=%s
  %s status
  %s links
  $EDITOR %s/incidents.hcl
  curl -s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' %s/v2/incidents \
    -d '{"idempotency_key":"1","visibility":"public","name":"My first incident","incident_type_id":"%s"}'
  curl -s -u %s:%s -H 'Accept: application/json' %s/api/now/table/incident
  curl -s -u %s:%s %s/rest/api/3/issue/ENG-1
`, s.address.Admin, command, command, s.conf, incidentiotest.DefaultKey, s.systems.URL(), s.typeOf(s.security), simulators.User, servicenowtest.DefaultPassword, s.systems.URL(),
		jiratest.DefaultEmail, jiratest.DefaultAPIToken, s.systems.URL())
}

func quoted(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string always marshals
	return strings.TrimSpace(b.String())
}

func indented(text string) string { return "   " + strings.ReplaceAll(text, "\n", "\n   ") }
