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

// WriteSteps writes what there is to try, to be copied to a shell.
func (s *Group) WriteSteps(w io.Writer) {
	for _, step := range s.Steps() {
		fmt.Fprintf(w, "\n# %s\n%s\n", step.What, step.Command)
	}
}

// WriteLogins writes who signs in with what, and as whom to work.
func (s *Group) WriteLogins(w io.Writer) {
	row := func(system, lockstep, people string) {
		fmt.Fprintf(w, "#   %-11s  %-26s  %s\n", system, lockstep, people)
	}
	row("", "lockstep signs in with", "you sign in with")
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

// asJSON is an argument of curl.
const asJSON = "-H 'Content-Type: application/json'"

// picture writes what a PNG begins with: files are known by their contents.
const picture = `printf '\211PNG\r\n\032\n' |` + "\n  "

// curl is a command, a line for each argument. Every answer ends its line.
func curl(arguments ...string) string {
	return `curl -sw '\n' ` + strings.Join(arguments, " \\\n  ")
}

func (s *Group) incidentSteps() (steps []Step) {
	login := "-H 'Authorization: Bearer " + ResponderKey + "'"
	severities := s.Incidents.Severities()
	worst := severities[len(severities)-1]
	all := s.Incidents.Types()
	for _, name := range s.types {
		kind := all[slices.IndexFunc(all, func(t incidentiotest.Type) bool { return t.Name == name })]
		steps = append(steps, Step{
			"incident.io: declare a " + worst.Name + " incident of the type " + name,
			curl("'"+s.URL()+"/v2/incidents'", login, asJSON, fmt.Sprintf(`-d '{"idempotency_key":"%s-'$(date +%%s)'","visibility":"public",
      "name":"Our database is sad","summary":"It began at **noon**.",
      "incident_type_id":"%s",
      "severity_id":"%s"}'`, kind.ID, kind.ID, worst.ID)),
		})
	}
	return append(steps,
		Step{"incident.io: take INC-1", "INCIDENT=$(" + curl("'"+s.URL()+"/v2/incidents/1'", login,
			`| grep -o '"id":"[0-9A-Z]*"' | head -n 1 | cut -d '"' -f 4)`)},
		Step{"incident.io: rename it", curl(`"`+s.URL()+`/v2/incidents/$INCIDENT/actions/edit"`, login, asJSON,
			`-d '{"incident":{"name":"It is worse than that"},"notify_incident_channel":false}'`)},
		Step{"incident.io: post an update on it", curl("'"+s.URL()+"/v2/incident_updates'", login, asJSON,
			`-d '{"idempotency_key":"'$(date +%s)'","incident_id":"'$INCIDENT'",
      "message":"We are on it."}'`)},
		Step{"incident.io: look at it; at the comments and files that came from its ticket", strings.Join([]string{
			curl(`"`+s.URL()+`/v2/incidents/$INCIDENT"`, login),
			curl(`"`+s.URL()+`/v2/incident_timeline_items?incident_id=$INCIDENT"`, login),
			curl(`"`+s.URL()+`/v1/incident_attachments?incident_id=$INCIDENT"`, login),
		}, "\n")},
	)
}

func (s *Group) ticketSteps() []Step {
	login := "-u " + Agent + ":" + AgentPassword
	table := s.URL() + "/api/now/table/incident"
	ticket := `"` + table + `/$TICKET?sysparm_fields=number,state"`
	return []Step{
		{"ServiceNow: look at the tickets", curl("-G '"+table+"'", login, "-d sysparm_fields=number,state,short_description")},
		{"ServiceNow: take the first one", "TICKET=$(" + curl("'"+table+"?sysparm_fields=sys_id'", login+" | grep -o '[0-9a-f]\\{32\\}' | head -n 1)")},
		{"ServiceNow: add a work note", curl(ticket, login+" -X PATCH", asJSON, `-d '{"work_notes":"The cache is full."}'`)},
		{"ServiceNow: attach a picture", picture + curl(login+" --data-binary @-", "-H 'Content-Type: image/png'",
			`"`+s.URL()+`/api/now/attachment/file?file_name=screen.png&`+"\\\ntable_name=incident&table_sys_id=$TICKET\"")},
		{"ServiceNow: resolve it", curl(ticket, login+" -X PATCH", asJSON,
			`-d '{"state":"6","close_code":"Solution provided","close_notes":"A larger cache."}'`)},
	}
}

func (s *Group) issueSteps() []Step {
	login := "-u " + JiraAgentEmail + ":" + JiraAgentToken
	key := s.project + "-1"
	issue := s.URL() + "/rest/api/3/issue/" + key
	move := func(request string) string {
		return curl("'"+issue+"/transitions'", login, asJSON, "-d '"+request+"'")
	}
	return []Step{
		{"Jira: look at " + key, curl("'"+issue+"?fields=summary,status'", login) + "\n" + curl("'"+issue+"/comment'", login)},
		{"Jira: comment on it", curl("'"+issue+"/comment'", login, asJSON,
			`-d '{"body":{"type":"doc","version":1,"content":[{"type":"paragraph",
      "content":[{"type":"text","text":"The index is rebuilt."}]}]}}'`)},
		{"Jira: attach a picture", picture + curl("'"+issue+"/attachments'", login,
			"-H 'X-Atlassian-Token: no-check'", "-F 'file=@-;filename=graph.png;type=image/png'")},
		{"Jira: resolve it, by way of review", strings.Join([]string{
			move(`{"transition":{"id":"21"}}`), move(`{"transition":{"id":"31"},"fields":{"resolution":{"name":"Done"}}}`),
		}, "\n")},
	}
}
