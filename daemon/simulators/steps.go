package simulators

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// A Step is something that people do in a simulated system, as a command for a
// POSIX shell of one line or several. It may use variables that earlier ones set.
type Step struct{ What, Command string }

// WorkAsPeople says, below the log-ins, what newcomers take for a fault.
const WorkAsPeople = `#
# Work as one of the people: what lockstep's own users write is lockstep's work,
# and never carried to the other side. Commands to try, in another terminal:
`

// WriteSteps writes steps, to be copied to a shell.
func WriteSteps(w io.Writer, steps []Step) {
	for _, step := range steps {
		fmt.Fprintf(w, "\n# %s\n%s\n", step.What, step.Command)
	}
}

// LoginHeader stands above what WriteLogins writes, of one group or several.
var LoginHeader = loginLine("", "lockstep signs in with", "you sign in with")

func loginLine(system, lockstep, people string) string {
	return fmt.Sprintf("#   %-11s  %-26s  %s\n", system, lockstep, people)
}

// WriteLogins writes who signs in with what, and as whom to work.
func (s *Group) WriteLogins(w io.Writer) {
	row := func(system, lockstep, people string) { _, _ = io.WriteString(w, loginLine(system, lockstep, people)) } // its owner finds the error
	if s.Incidents != nil {
		row("incident.io", incidentiotest.DefaultKey, ResponderKey)
	}
	if s.Tickets != nil {
		row("ServiceNow", s.serviceNowUser+":"+servicenowtest.DefaultPassword, Agent+":"+AgentPassword)
	}
	if s.Issues != nil {
		row("Jira", s.jiraEmail+":"+jiratest.DefaultAPIToken, JiraAgentEmail+":"+JiraAgentToken)
	}
}

// Steps are what there is to try, in an order in which it works.
func (s *Group) Steps() (all []Step) {
	if s.Incidents != nil {
		all = append(all, s.incidentSteps()...)
	}
	if s.Tickets != nil {
		all = append(all, s.ticketSteps()...)
	}
	if s.Issues != nil {
		all = append(all, s.issueSteps()...)
	}
	return all
}

// Look are the steps after all others: they show what came of them.
func (s *Group) Look() []Step {
	if s.Incidents == nil {
		return nil
	}
	return []Step{{"incident.io: look at the incident, and what came from its ticket", strings.Join([]string{
		curl(responder, `"`+s.URL()+`/v2/incidents/$INCIDENT"`),
		curl(responder, `"`+s.URL()+`/v2/incident_timeline_items?incident_id=$INCIDENT"`),
		curl(responder, `"`+s.URL()+`/v1/incident_attachments?incident_id=$INCIDENT"`),
	}, "\n")}}
}

// Arguments of curl. Of a picture, only what a PNG begins with is sent: files are
// known by their contents.
const (
	asJSON    = "-H 'Content-Type: application/json'"
	responder = "-H 'Authorization: Bearer " + ResponderKey + "'"
	agent     = "-u " + Agent + ":" + AgentPassword
	jiraAgent = "-u " + JiraAgentEmail + ":" + JiraAgentToken
	picture   = `printf '\211PNG\r\n\032\n' |` + "\n  "
)

// curl is a command, a line for each argument. Every answer ends its line.
func curl(arguments ...string) string {
	return `curl -sw '\n' ` + strings.Join(arguments, " \\\n  ")
}

func (s *Group) incidentSteps() (steps []Step) {
	severities := s.Incidents.Severities()
	worst := severities[len(severities)-1]
	all := s.Incidents.Types()
	for _, name := range s.types {
		kind := all[slices.IndexFunc(all, func(t incidentiotest.Type) bool { return t.Name == name })]
		steps = append(steps, Step{
			"incident.io: declare a " + worst.Name + " incident of the type " + name,
			curl(responder, asJSON, "'"+s.URL()+"/v2/incidents'", fmt.Sprintf(`-d '{"idempotency_key":"%s-'$(date +%%s)'",
      "name":"Our database is sad","summary":"It began at **noon**.",
      "incident_type_id":"%s",
      "severity_id":"%s","visibility":"public"}'`, kind.ID, kind.ID, worst.ID)),
		})
	}
	return append(steps,
		Step{"incident.io: take INC-1", "INCIDENT=$(" + curl(responder, "'"+s.URL()+"/v2/incidents/1'",
			`| grep -o '"id":"[0-9A-Z]*"' | head -n 1 | cut -d '"' -f 4)`)},
		Step{"incident.io: rename it", curl(responder, asJSON, `"`+s.URL()+`/v2/incidents/$INCIDENT/actions/edit"`,
			`-d '{"incident":{"name":"It is worse than that"},
      "notify_incident_channel":false}'`)},
		Step{"incident.io: post an update on it", curl(responder, asJSON, "'"+s.URL()+"/v2/incident_updates'",
			`-d '{"idempotency_key":"'$(date +%s)'","incident_id":"'$INCIDENT'",
      "message":"We are on it."}'`)},
	)
}

func (s *Group) ticketSteps() []Step {
	table := s.URL() + "/api/now/table/incident"
	ticket := `"` + table + `/$TICKET?sysparm_fields=state"`
	return []Step{
		{"ServiceNow: look at the tickets", curl(agent+" -G", "'"+table+"'", "-d sysparm_fields=number,state,short_description")},
		{"ServiceNow: take the first one", "TICKET=$(" + curl(agent, "'"+table+"?sysparm_fields=sys_id'", `| grep -o '[0-9a-f]\{32\}' | head -n 1)`)},
		{"ServiceNow: add a work note", curl(agent+" -X PATCH", asJSON, ticket, `-d '{"work_notes":"The cache is full."}'`)},
		{"ServiceNow: attach a picture", picture + curl(agent+" --data-binary @-", "-H 'Content-Type: image/png'",
			`"`+s.URL()+`/api/now/attachment/file?file_name=screen.png&`+"\\\ntable_name=incident&table_sys_id=$TICKET\"")},
		{"ServiceNow: resolve it", curl(agent+" -X PATCH", asJSON, ticket, `-d '{"state":"6","close_code":"Solution provided",
      "close_notes":"A larger cache."}'`)},
	}
}

func (s *Group) issueSteps() []Step {
	key := s.project + "-1"
	issue := s.URL() + "/rest/api/3/issue/" + key
	move := func(request string) string {
		return curl(jiraAgent, asJSON, "'"+issue+"/transitions'", "-d '"+request+"'")
	}
	return []Step{
		{"Jira: look at " + key, curl(jiraAgent, "'"+issue+"?fields=summary,status'") + "\n" + curl(jiraAgent, "'"+issue+"/comment'")},
		{"Jira: comment on it", curl(jiraAgent, asJSON, "'"+issue+"/comment'", `-d '{"body":{"type":"doc","version":1,"content":[{"type":"paragraph",
      "content":[{"type":"text","text":"The index is rebuilt."}]}]}}'`)},
		{"Jira: attach a picture", picture + curl(jiraAgent, "-H 'X-Atlassian-Token: no-check'", "-F 'file=@-;filename=graph.png;type=image/png'", "'"+issue+"/attachments'")},
		{"Jira: resolve it, by way of review", strings.Join([]string{
			move(`{"transition":{"id":"21"}}`), move(`{"transition":{"id":"31"},"fields":{"resolution":{"name":"Done"}}}`),
		}, "\n")},
	}
}
