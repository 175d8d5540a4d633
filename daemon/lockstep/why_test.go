package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// What became of a record is told in explain's lines, and then what came of them.
func TestWhyCommand(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{
		"GET /v1/why/INC-1": {200, `[{"record":"incidentio.acme.incident/1","name":"INC-1","url":"","routes":[
			{"route":"incidents","configured":true,"decided":true,"at":"2026-01-02T03:04:05Z","generation":"g1","commit":"c1","error":"",
			 "decision":{"route":"incidents","record":"incidentio.acme.incident/1","template":"security","target":"servicenow.itsm.incident","action":"update","fields":{"short_description":"Sad","impact":2},"errors":{},
			  "skipped":[{"template":"engineering","condition":"a == 'b'","operands":[{"path":"a","value":"c"}]}]},
			 "link":` + aLink + `,"waits":["for itsm, which is not called before 2026-01-02T03:05:05Z"],"dead":[` + aDeadLetter + `]},
			{"route":"second","configured":true,"decided":false,"decision":null,"at":null,"link":null,"waits":[],"dead":[]},
			{"route":"third","configured":false,"decided":true,"decision":null,"at":null,"link":null,"waits":[],"dead":[]}]}]`},
		"GET /v1/why/ENG-1": {200, `[{"record":"jira.eng.issue/1","name":"ENG-1","url":"","routes":[]}]`},
		"GET /v1/why/https:%2F%2Fapp.incident.io%2Fincidents%2F12": {409, `{"error":"\"x\" fits several; say which:\n  a\n  b","matches":[{"record":"incidentio.acme.incident/1"},{"record":"incidentio.globex.incident/1"}]}`},
	}}
	const want = `route     incidents
record    incidentio.acme.incident/1
template  security
target    servicenow.itsm.incident
action    update
  impact             2
  short_description  "Sad"
skipped   engineering: false: a == 'b' (a = "c")
at        2026-01-02T03:04:05Z
generation g1
commit    c1
link      l1
phase     active
ticket    INC1  https://x/2
waits     for itsm, which is not called before 2026-01-02T03:05:05Z
dead      d1  rejected close_code: It said:\nno.

route     second
record    incidentio.acme.incident/1
decided   never: it was not looked at since this route began
An edit of the record brings it in, as do 'lockstep sync INC-1' and, with all others, 'lockstep backfill'.

route     third
record    incidentio.acme.incident/1
decided   yes, but the journal does not go back so far
gone      the route is not configured any more
`
	if status, stdout, stderr := f.ask(t, "why INC-1"); status != 0 || stdout != want || stderr != "" {
		t.Errorf("exit %d, stderr %q, stdout:\n%s\nwant:\n%s", status, stderr, stdout, want)
	}
	if status, stdout, _ := f.ask(t, "why ENG-1"); status != 0 || stdout != "jira.eng.issue/1 (ENG-1): no route takes records of jira.eng.issue\n" {
		t.Errorf("exit %d, %q", status, stdout)
	}
	if status, stdout, stderr := f.ask(t, "why https://app.incident.io/incidents/12"); status != 1 || stdout != "" || stderr != "lockstep: \"x\" fits several; say which:\n  a\n  b\n" {
		t.Errorf("exit %d, %q, %q", status, stdout, stderr)
	}
	if status, _, stderr := f.ask(t, "why INC-99"); status != 1 || !strings.Contains(stderr, "nothing is called that") {
		t.Errorf("exit %d, %q", status, stderr)
	}
}

const someDecisions = `{"at":"2026-01-02T03:04:06Z","route":"incidents","record":"incidentio.acme.incident/1","template":"security","action":"update","writes":["title","state"],"source_name":"INC-1","target_name":"INC1"}`

const someNone = `{"at":"2026-01-02T03:04:05Z","route":"incidents","record":"incidentio.acme.incident/01FDAG4SAP5TYPT98WGR2N7W91","template":"","action":"none","reason":"private","writes":[]}`

func TestDecisionsCommand(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{
		"GET /v1/decisions?limit=100":                          {200, "[" + someDecisions + "," + someNone + "]"},
		"GET /v1/decisions?limit=2&record=INC-1&route=r":       {200, "[]"},
		"GET /v1/decisions?follow=true&limit=100&record=INC-1": {200, "\n" + someNone + "\n\n" + someDecisions + "\n"},
	}}
	const want = `AT                    ROUTE      SOURCE                       TARGET  ACTION  TEMPLATE  WHAT
2026-01-02 03:04:05Z  incidents  incidentio.ac…PT98WGR2N7W91  -       none    -         private
2026-01-02 03:04:06Z  incidents  INC-1                        INC1    update  security  title, state
`
	status, stdout, _ := f.ask(t, "decisions")
	if status != 0 || stdout != want {
		t.Errorf("exit %d, stdout:\n%s\nwant:\n%s", status, stdout, want)
	}
	if status, stdout, _ := f.ask(t, "decisions -json"); status != 0 || strings.Index(stdout, "03:04:05Z") > strings.Index(stdout, "03:04:06Z") {
		t.Errorf("newest last: exit %d, %s", status, stdout)
	}
	if status, stdout, _ := f.ask(t, "decisions INC-1 -limit 2 -route r"); status != 0 || stdout != "no decisions\n" {
		t.Errorf("none: exit %d, %q", status, stdout)
	}
	if status, _, stderr := f.ask(t, "decisions -limit 0"); status != 2 || !strings.Contains(stderr, "-limit 0: expected") {
		t.Errorf("exit %d, %q", status, stderr)
	}
	status, stdout, stderr := f.ask(t, "decisions -f INC-1")
	if status != 1 || stderr != "lockstep: the daemon stopped\n" {
		t.Errorf("a daemon that stops: exit %d, %q", status, stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "none") || !strings.Contains(lines[2], "title, state") {
		t.Errorf("followed:\n%s", stdout)
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > tableWidth {
			t.Errorf("wider than %d: %s", tableWidth, line)
		}
	}
	if _, stdout, _ = f.ask(t, "decisions -f -json INC-1"); stdout != someNone+"\n"+someDecisions+"\n" {
		t.Errorf("followed as JSON: %s", stdout)
	}
}

// A record's name stands for all of its dead letters; where it fits several records,
// nothing is done.
func TestDeadLettersOfARecord(t *testing.T) {
	second := strings.Replace(aDeadLetter, `"d1"`, `"d2"`, 1)
	retried := func(letter string) string {
		return `{"letter":` + letter + `,"outcome":{"route":"incidents","link":` + aLink + `,"result":"written","wrote":["title"]}}`
	}
	f := &fakeDaemon{answers: map[string]fakeAnswer{
		"GET /v1/dead/INC-1":     {409, `{"error":"several","matches":[{"record":"incidentio.acme.incident/1","dead":"d1"},{"record":"incidentio.acme.incident/1","dead":"d2"}]}`},
		"GET /v1/dead/INC-2":     {409, `{"error":"INC-2 fits several","matches":[{"record":"incidentio.acme.incident/2"},{"record":"incidentio.globex.incident/2"}]}`},
		"POST /v1/dead/d1/retry": {200, retried(aDeadLetter)}, "POST /v1/dead/d2/retry": {200, retried(second)}, "GET /v1/dead/d1": {200, aDeadLetter}, "GET /v1/dead/d2": {200, second},
	}}
	if status, stdout, _ := f.ask(t, "dead retry INC-1"); status != 0 || stdout != "retried d1 (INC-1): wrote title (INC1)\nretried d2 (INC-1): wrote title (INC1)\n" {
		t.Errorf("exit %d, %q", status, stdout)
	}
	if status, stdout, _ := f.ask(t, "dead show INC-1"); status != 0 || !strings.Contains(stdout, "id      d1") || !strings.Contains(stdout, "id      d2") {
		t.Errorf("exit %d, %q", status, stdout)
	}
	if status, stdout, stderr := f.ask(t, "dead drop INC-2"); status != 1 || stdout != "" || stderr != "lockstep: INC-2 fits several\n" {
		t.Errorf("exit %d, %q, %q", status, stdout, stderr)
	}
}
