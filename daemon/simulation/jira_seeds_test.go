package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A jiraSite is a site on a bad day, and what people did on it.
type jiraSite struct {
	*desk
	random    *rand.Rand
	incidents []string          // ids
	issues    map[string]string // by incident
	secret    []string          // words that the incident must not show
	said      map[string]string // words that it has to show, and in which incident
	secured   map[string]bool
	hidden    map[string]bool
	n         int
	did       []string
}

// TestJiraSeeds runs the same seeds each time: people work in incident.io and on a
// Jira site that has every habit of a real one, and in the end nothing is lost, no
// incident has two issues, and nothing was shown to the wrong people.
func TestJiraSeeds(t *testing.T) {
	n := (*seeds + 3) / 4
	if testing.Short() {
		n = min(n, 1)
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed+1, 7))
			options := jiratest.Options{IndexLag: time.Duration(random.IntN(90)) * time.Second, NoReturn: random.IntN(2) == 0}
			onDesk(t, options, func(d *desk) {
				s := &jiraSite{desk: d, random: random, issues: map[string]string{}, said: map[string]string{}, secured: map[string]bool{}, hidden: map[string]bool{}}
				s.habits()
				s.live()
				s.calm()
				s.check()
				if t.Failed() {
					t.Log(strings.Join(s.did, "\n"))
				}
			})
		})
	}
}

func (s *jiraSite) say(format string, args ...any) {
	s.did = append(s.did, time.Now().Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

// habits gives the site some of what sites have: two transitions to one status, of which
// one asks for a resolution, and labels off a screen.
func (s *jiraSite) habits() {
	if s.random.IntN(2) == 0 {
		s.say("two transitions lead to Done")
		s.site.Add("ENG", "Close without fuss", []string{"To Do", "In Progress", "In Review"}, "Done", nil)
	}
	if s.random.IntN(2) == 0 {
		s.say("labels are off the screens")
		s.site.TakeOff("ENG", "labels", true, true)
	}
}

func (s *jiraSite) word() string {
	s.n++
	return fmt.Sprintf("word%03d", s.n)
}

// look finds the issues of the incidents.
func (s *jiraSite) look() {
	for _, issue := range s.site.Issues() {
		summary, _ := s.site.Issue(issue)["summary"].(string)
		for _, id := range s.incidents {
			if s.issues[id] == "" && s.site.HasText(issue, "Summary of "+id) && summary != "" {
				s.issues[id] = issue
			}
		}
	}
}

// pair is an incident that has an issue; false: none has.
func (s *jiraSite) pair() (id, issue string, ok bool) {
	s.look()
	for _, i := range s.random.Perm(len(s.incidents)) {
		if issue := s.issues[s.incidents[i]]; issue != "" {
			return s.incidents[i], issue, true
		}
	}
	return "", "", false
}

func (s *jiraSite) live() {
	acts := []func(){
		s.newIncident, s.newIncident, s.editIncident, s.editIssue, s.editIssue, s.moveIssue, s.comment, s.comment,
		s.commentForSome, s.commentForSome, s.secure, s.hide, s.fault, s.fault, s.busy,
	}
	s.newIncident()
	for range 40 {
		acts[s.random.IntN(len(acts))]()
		s.pass(time.Duration(1+s.random.IntN(240)) * time.Second)
	}
}

func (s *jiraSite) newIncident() {
	if len(s.incidents) >= 6 {
		return
	}
	name := "Incident " + s.word()
	made, err := s.desk.incidents.CreateIncident(incidentiotest.SetName(name))
	s.must(err)
	_, err = s.desk.incidents.EditIncident(made.ID, incidentiotest.SetSummary("Summary of "+made.ID))
	s.must(err)
	s.incidents = append(s.incidents, made.ID)
	s.say("%s is declared", name)
}

func (s *jiraSite) editIncident() {
	id := s.incidents[s.random.IntN(len(s.incidents))]
	name := "Renamed " + s.word()
	_, err := s.desk.incidents.EditIncident(id, incidentiotest.SetName(name))
	s.must(err)
	s.say("%s is renamed %s", id, name)
}

func (s *jiraSite) editIssue() {
	id, issue, ok := s.pair()
	if !ok {
		return
	}
	word := s.word()
	s.must(s.site.Edit(issue, "acc-ann", map[string]any{"summary": "On the issue " + word}))
	s.say("issue %s of %s is renamed %s; secured %t, hidden %t", issue, id, word, s.secured[issue], s.hidden[issue])
}

func (s *jiraSite) moveIssue() {
	_, issue, ok := s.pair()
	if !ok {
		return
	}
	step := []string{"Start", "Review", "Resolve", "Stop", "Reopen", "Cancel", "Close without fuss"}[s.random.IntN(7)]
	if s.site.Move(issue, "acc-ann", step, map[string]any{"resolution": map[string]any{"name": "Done"}}) == nil {
		s.say("issue %s: %s", issue, step)
	}
}

func (s *jiraSite) comment() {
	id, issue, ok := s.pair()
	if !ok {
		return
	}
	word := s.word()
	s.site.Say(issue, "acc-ann", "For all: "+word, false)
	s.said[word] = id
	s.say("comment %s on %s", word, issue)
}

func (s *jiraSite) commentForSome() {
	_, issue, ok := s.pair()
	if !ok {
		return
	}
	word := s.word()
	s.site.SayTo(issue, "acc-ann", "board", "For some: "+word)
	s.secret = append(s.secret, word)
	s.say("restricted comment %s on %s", word, issue)
}

// secure puts an issue under a security level, or takes it off. What is said under it
// may be shown once it is off.
func (s *jiraSite) secure() {
	_, issue, ok := s.pair()
	if !ok {
		return
	}
	s.secured[issue] = !s.secured[issue]
	level := ""
	if s.secured[issue] {
		level = "Board"
	}
	s.site.Secure(issue, level)
	s.say("issue %s: security level %q", issue, level)
}

// hide takes the permission to see an issue, or gives it back.
func (s *jiraSite) hide() {
	_, issue, ok := s.pair()
	if !ok {
		return
	}
	s.hidden[issue] = !s.hidden[issue]
	s.site.Hide(issue, s.hidden[issue])
	s.say("issue %s is hidden: %t", issue, s.hidden[issue])
}

func (s *jiraSite) fault() {
	kinds := []simulator.FaultKind{simulator.Anonymous, simulator.LoginPage, simulator.LoginRedirect, simulator.OtherJSON}
	kind := kinds[s.random.IntN(len(kinds))]
	lasts := time.Duration(1+s.random.IntN(20)) * time.Minute
	s.site.Inject(simulator.Fault{Kind: kind, Until: time.Now().Add(lasts)})
	s.say("for %s the site answers with %v", lasts, kind)
}

func (s *jiraSite) busy() {
	if _, issue, ok := s.pair(); ok {
		s.site.Busy(issue, 1)
	}
}

// calm ends what is wrong and lets the slow sweep pass.
func (s *jiraSite) calm() {
	s.pass(30 * time.Minute)
	for issue := range s.secured {
		s.shownUnderALevel()
		s.site.Secure(issue, "")
	}
	for issue := range s.hidden {
		s.site.Hide(issue, false)
	}
	s.say("all is well again")
	s.pass(9 * time.Hour)
	s.site.ResetRequests()
	s.desk.incidents.ResetRequests()
	s.pass(9 * time.Hour)
}

// shownUnderALevel holds that the name of an issue under a level is not the incident's.
func (s *jiraSite) shownUnderALevel() {
	for id, issue := range s.issues {
		incident, _ := s.desk.incidents.Incident(id)
		summary, _ := s.site.Issue(issue)["summary"].(string)
		since := slices.IndexFunc(s.did, func(line string) bool { return strings.Contains(line, "issue "+issue+": security level") })
		edited := slices.IndexFunc(s.did, func(line string) bool { return strings.Contains(line, strings.TrimPrefix(summary, "On the issue ")) })
		if s.secured[issue] && since >= 0 && strings.HasPrefix(summary, "On the issue ") && strings.Contains(s.did[max(edited, 0)], "secured true") && incident.Name == summary {
			s.Errorf("%s shows %q, which was written under a security level", id, summary)
		}
	}
}

func (s *jiraSite) check() {
	s.look()
	if issues := s.site.Issues(); len(issues) != len(s.incidents) {
		s.Errorf("%d issues of %d incidents: %v", len(issues), len(s.incidents), issues)
	}
	for _, id := range s.incidents {
		incident, _ := s.desk.incidents.Incident(id)
		issue := s.issues[id]
		if issue == "" {
			s.Errorf("%s (%s) has no issue", id, incident.Name)
			continue
		}
		if summary := s.site.Issue(issue)["summary"]; summary != incident.Name {
			s.Errorf("%s says %q, its issue %s %q", id, incident.Name, issue, summary)
		}
		shown := incident.Name + s.timeline(id)
		for _, word := range s.secret {
			if strings.Contains(shown, word) {
				s.Errorf("%s shows the restricted %s", id, word)
			}
		}
	}
	for word, id := range s.said {
		if n := strings.Count(s.timeline(id), word); n != 1 {
			s.Errorf("comment %s stands in %s %d times", word, id, n)
		}
	}
	for _, letter := range s.dead() {
		s.Errorf("dead letter: %+v", letter)
	}
	for _, r := range slices.Concat(s.site.Requests(), s.desk.incidents.Requests()) {
		if r.Method == "PUT" || r.Method == "DELETE" || r.Method == "POST" && !strings.Contains(r.Path, "search") && !strings.Contains(r.Path, "/list") {
			s.Errorf("it does not converge: %s %s %s", r.Method, r.Path, r.Body)
			break
		}
	}
}
