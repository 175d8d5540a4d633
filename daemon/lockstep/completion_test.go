package main

import (
	"strings"
	"testing"
)

// What a shell asks while somebody types is answered by the daemon; where there is none,
// by nothing at all.
func TestCompletionOfLiveNames(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{
		"GET /v1/status":                        {200, goodStatus},
		"GET /v1/names?of=links&prefix=INC":     {200, `[{"name":"INC-1","about":"route incidents"},{"name":"INC0010001","about":"ticket of INC-1"}]`},
		"GET /v1/names?of=records&prefix=INC-":  {200, `[{"name":"INC-1","about":"route incidents"}]`},
		"GET /v1/names?of=dead&prefix=":         {200, `[{"name":"d1","about":"INC-1: rejected"}]`},
		"GET /v1/names?of=records&prefix=ENG-7": {503, `{"error":"starting"}`},
	}}
	for args, want := range map[string]string{
		"links show INC":        "INC-1\troute incidents|INC0010001\tticket of INC-1|:4",
		"links unlink INC":      "INC-1\troute incidents|INC0010001\tticket of INC-1|:4",
		"links show l1 INC":     ":4", // it takes one
		"links -name INC":       "INC-1\troute incidents|INC0010001\tticket of INC-1|:4",
		"links -state ":         "active|claim|detached|gone|orphan|stopped|:4",
		"links -route ":         "incidents|:4",
		"links adopt ":          "incidents|:4",
		"links adopt r INC-":    "INC-1\troute incidents|:4",
		"dead show ":            "d1\tINC-1: rejected|:4",
		"dead retry x ":         "d1\tINC-1: rejected|:4",
		"dead list -route ":     "incidents|:4",
		"dead -name ":           "d1\tINC-1: rejected|:4",
		"sync INC-":             "INC-1\troute incidents|:4",
		"routes pause ":         "incidents|:4",
		"routes resume x ":      ":4",
		"why INC-":              "INC-1\troute incidents|:4",
		"why ENG-7":             ":4",
		"decisions -f INC-":     "INC-1\troute incidents|:4",
		"decisions -route ":     "incidents|:4",
		"explain INC-":          "INC-1\troute incidents|:4",
		"explain INC-1 ":        ":16", // a directory
		"schema servicenow.inc": "servicenow.incident|servicenow.incident_task|:4",
		"check -format ":        "text|github|sarif|:4",
		"graph -format ":        "mermaid|dot|:4",
		"run -log-format ":      "text|json|:4",
		"completion ":           "bash|zsh|fish|powershell|:4",
	} {
		words := strings.Split(args, " ")
		status, stdout, stderr := f.askWords(t, append([]string{"__complete"}, words...))
		lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		if got := strings.Join(lines, "|"); status != 0 || got != want {
			t.Errorf("%s: exit %d, %q, want %q (stderr %q)", args, status, got, want, stderr)
		}
	}
	for _, args := range []string{"why INC-", "dead show ", "links -route ", "links show x"} {
		status, stdout, stderr := lockstep(t, "", append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if status != 0 || stdout != ":4\n" || strings.Contains(stderr, "no daemon") {
			t.Errorf("without a daemon, %s: exit %d, stdout %q, stderr %q", args, status, stdout, stderr)
		}
	}
}

// Routes and sources of a configuration are known without a daemon.
func TestCompletionOfAConfiguration(t *testing.T) {
	dir := hostileConfig(t, false)
	for args, want := range map[string]string{
		"explain -record x -route ": "incidents\n:4\n", "explain -record x " + dir + " -source ": "incidentio.acme.incident\n:4\n",
	} {
		words := strings.Split(args, " ")
		if strings.HasPrefix(args, "explain -record x -route") {
			t.Chdir(dir)
		}
		if status, stdout, stderr := lockstep(t, "", append([]string{"__complete"}, words...)...); status != 0 || stdout != want {
			t.Errorf("%s: exit %d, %q, want %q (stderr %q)", args, status, stdout, want, stderr)
		}
	}
}

// The scripts of all four shells ask in the same way.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		status, stdout, _ := lockstep(t, "", "completion", shell)
		if status != 0 || !strings.Contains(stdout, "__complete") || strings.Contains(stdout, "__completeNoDesc") && shell == "zsh" {
			t.Errorf("%s: exit %d, %d bytes", shell, status, len(stdout))
		}
	}
}
