package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A fakeDaemon answers each path with a status and a body, and remembers what
// it was asked.
type fakeDaemon struct {
	answers map[string]fakeAnswer // by method and path
	asked   []string
	token   string
}

type fakeAnswer struct {
	code int
	body string
}

func (f *fakeDaemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := r.Method + " " + r.URL.RequestURI()
	f.asked = append(f.asked, asked)
	f.token = r.Header.Get("Authorization")
	answer, ok := f.answers[asked]
	if !ok {
		answer = fakeAnswer{404, `{"error":"nothing is called that","unknown_name":true}`}
	}
	w.WriteHeader(answer.code)
	_, _ = w.Write([]byte(answer.body))
}

// ask runs a command against the fake, with a token.
func (f *fakeDaemon) ask(t *testing.T, args string) (status int, stdout, stderr string) {
	t.Helper()
	return f.askWords(t, strings.Fields(args))
}

func (f *fakeDaemon) askWords(t *testing.T, args []string) (status int, stdout, stderr string) {
	t.Helper()
	server := httptest.NewServer(f)
	defer server.Close()
	env := func(name string) (string, bool) {
		switch name {
		case "LOCKSTEP_ADMIN":
			return server.Listener.Addr().String(), true
		case "LOCKSTEP_ADMIN_TOKEN":
			return "s3cret", true
		}
		return "", false
	}
	var out, err bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(""), &out, &err, env)
	return status, out.String(), err.String()
}

const goodStatus = `{"ready":true,"version":"1","generation":"g1","commit":"c1",` +
	`"config":{"ok":true,"loaded_at":"2026-01-02T03:04:05Z","diagnostics":[]},` +
	`"routes":[{"name":"incidents","pending":2,"in_flight":1,"links":7,"dead":3}],` +
	`"connectors":[{"name":"itsm","type":"servicenow","ok":false,"last_error":"read: HTTP 429","throttled_until":"2026-01-02T03:05:05Z"}]}`

func TestStatusCommand(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{"GET /v1/status": {200, goodStatus}}}
	status, stdout, stderr := f.ask(t, "status")
	want := `ready       yes
generation  g1 (commit c1)
files       good
loaded      2026-01-02 03:04:05Z

ROUTE      PENDING  IN FLIGHT  LINKS  DEAD
incidents  2        1          7      3

CONNECTOR  TYPE        OK  NOTE
itsm       servicenow  no  waiting until 2026-01-02 03:05:05Z; read: HTTP 429
`
	if status != 0 || stdout != want || stderr != "" {
		t.Errorf("exit %d, stderr %q, stdout:\n%s\nwant:\n%s", status, stderr, stdout, want)
	}
	if f.token != "Bearer s3cret" {
		t.Errorf("sent %q", f.token)
	}
	status, stdout, _ = f.ask(t, "status -json")
	if status != 0 || stdout != goodStatus {
		t.Errorf("-json: exit %d, stdout %s", status, stdout)
	}

	f.answers["GET /v1/status"] = fakeAnswer{200, strings.Replace(goodStatus, `"last_error":`, `"missing":{"records":12,"since":"2026-01-02T02:00:00Z","held":true},"last_error":`, 1)}
	const missing = `
itsm: 12 linked records read as not found since 2026-01-02 02:00:00Z
  Too many to have been deleted, so all are kept: look whether the credentials lost a permission or are of another account.
  If they were deleted, unlink each with lockstep links unlink ID.
`
	if _, stdout, _ := f.ask(t, "status"); !strings.HasSuffix(stdout, missing) {
		t.Errorf("missing records:\n%s", stdout)
	}

	for name, change := range map[string][2]string{
		"not ready":     {`"ready":true`, `"ready":false,"waiting":"the store is not connected"`},
		"bad files":     {`"ok":true`, `"ok":false`},
		"changed files": {`"ok":true`, `"ok":true,"stale":true`},
	} {
		f.answers["GET /v1/status"] = fakeAnswer{200, strings.Replace(goodStatus, change[0], change[1], 1)}
		for _, args := range []string{"status", "status -json"} {
			if status, stdout, _ := f.ask(t, args); status != 1 || stdout == "" {
				t.Errorf("%s: %s: exit %d, want 1; stdout %q", name, args, status, stdout)
			}
		}
	}
}

func TestReloadCommand(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{"POST /v1/reload": {200, goodStatus}}}
	status, stdout, stderr := f.ask(t, "reload")
	if status != 0 || stdout != "running generation g1 (commit c1)\n" || stderr != "" {
		t.Errorf("exit %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	const refused = `{"error":"invalid configuration; keeping the current one","diagnostics":[{"severity":"error","file":"main.hcl","line":3,"column":9,"summary":"no such field","detail":"Write another."}]}`
	f.answers["POST /v1/reload"] = fakeAnswer{409, refused}
	status, stdout, stderr = f.ask(t, "reload")
	if status != 1 || stdout != "" || !strings.Contains(stderr, "main.hcl:3:9: error: no such field") || !strings.Contains(stderr, "keeping the current one") {
		t.Errorf("exit %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	status, stdout, _ = f.ask(t, "reload -json")
	if status != 1 || stdout != refused {
		t.Errorf("-json: exit %d, stdout %q", status, stdout)
	}
}

const aLink = `{"id":"l1","route":"incidents","template":"security","source":"incidentio.acme.incident/1","target":"servicenow.itsm.incident/2","url":"https://x/2","state":"active","updated_at":"2026-01-02T03:04:05Z","generation":"g1","number":"INC1","source_name":"INC-1","target_name":"INC1"}`

func TestLinksCommand(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{
		"GET /v1/links":       {200, "[" + aLink + `,{"id":"l2","route":"incidents","source":"incidentio.acme.incident/3","target":null,"state":"claim"}]`},
		"GET /v1/links/l1":    {200, aLink},
		"DELETE /v1/links/l1": {200, strings.Replace(aLink, "active", "detached", 1)},
		"POST /v1/links":      {200, aLink},
	}}
	status, stdout, _ := f.ask(t, "links")
	want := `ID  ROUTE      TEMPLATE  STATE   SOURCE                      TARGET  UPDATED
l1  incidents  security  active  INC-1                       INC1    AGO
l2  incidents  -         claim   incidentio.acme.incident/3  -       -
`
	stdout = regexp.MustCompile(`\b\d+d\b`).ReplaceAllString(stdout, "AGO")
	if status != 0 || stdout != want {
		t.Errorf("exit %d, stdout:\n%s\nwant:\n%s", status, stdout, want)
	}
	status, stdout, _ = f.ask(t, "links show l1")
	if status != 0 || !strings.Contains(stdout, "state       active\n") || !strings.Contains(stdout, "number      INC1\n") {
		t.Errorf("show: exit %d, stdout:\n%s", status, stdout)
	}
	status, stdout, _ = f.ask(t, "links unlink l1")
	if status != 0 || !strings.Contains(stdout, "state       detached\n") {
		t.Errorf("unlink: exit %d, stdout:\n%s", status, stdout)
	}
	status, stdout, _ = f.ask(t, "links adopt incidents incidentio.acme.incident/1 servicenow.itsm.incident/2 -json")
	if status != 0 || stdout != aLink {
		t.Errorf("adopt: exit %d, stdout:\n%s", status, stdout)
	}
	status, stdout, stderr := f.ask(t, "links show l9")
	if status != 1 || stdout != "" || !strings.Contains(stderr, "l9: there is no such link") {
		t.Errorf("an unknown link: exit %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

const aDeadLetter = `{"id":"d1","route":"incidents","record":"incidentio.acme.incident/1","reason":"rejected","field":"close_code","message":"It said:\nno.","at":"2026-01-02T03:04:05Z","source_name":"INC-1","target_name":"INC1","url":"https://x/2"}`

const anOutcome = `{"route":"incidents","configured":true,"decision":null,"at":null,"generation":"","commit":"","decided":true,"link":` + aLink + `,"waits":[],"dead":[` + aDeadLetter + `],` +
	`"record":"incidentio.acme.incident/1","source_name":"INC-1","target_name":"INC1","url":"https://x/2","result":"failed","wrote":["title","comments.inbound","comments.inbound"],"opened":false,"reason":"It said no.","failed":true}`

func TestSyncCommand(t *testing.T) {
	good := strings.NewReplacer(`"failed":true`, `"failed":false`, `"result":"failed"`, `"result":"written"`, `[`+aDeadLetter+`]`, `[]`).Replace(anOutcome)
	for name, c := range map[string]struct {
		outcome string
		exit    int
		want    string
	}{
		"written": {good, 0, "INC-1 on incidents: wrote title, 2 comments of the ticket (INC1)\n"},
		"opened":  {strings.Replace(good, `"opened":false`, `"opened":true`, 1), 0, "INC-1 on incidents: opened INC1 with title, 2 comments of the ticket\n"},
		"in step": {strings.NewReplacer(`"written"`, `"in_step"`, `["title","comments.inbound","comments.inbound"]`, `[]`).Replace(good), 0, "INC-1 on incidents: in step with INC1\n"},
		"no ticket": {
			strings.NewReplacer(`"written"`, `"nothing"`, `"link":`+aLink, `"link":null`, "It said no.", "no template matched", `"decision":null`,
				`"decision":{"route":"incidents","record":"incidentio.acme.incident/1","template":null,"target":null,"action":"none","reason":"no template matched","state":null,"fields":{},"errors":{},"skipped":[{"template":"t","condition":"c","operands":[{"path":"p","value":"v"}]}]}`).Replace(good),
			0, "INC-1 on incidents: no ticket: no template matched\n  skipped   t: false: c (p = \"v\")\n",
		},
		"waits": {
			strings.NewReplacer(`"written"`, `"waits"`, `["title","comments.inbound","comments.inbound"]`, `[]`, `"failed":false`, `"failed":true,"until":"2026-01-02T03:04:05Z"`).Replace(good), 1,
			"INC-1 on incidents: waits until 2026-01-02 03:04:05Z: It said no.\n",
		},
		"failed": {anOutcome, 1, "INC-1 on incidents: wrote title, 2 comments of the ticket; failed\n  dead letter d1: rejected close_code: It said: no.\n"},
	} {
		f := &fakeDaemon{answers: map[string]fakeAnswer{"POST /v1/sync": {200, "[" + c.outcome + "]"}}}
		if status, stdout, stderr := f.ask(t, "sync INC-1"); status != c.exit || stdout != c.want || stderr != "" {
			t.Errorf("%s: exit %d, stderr %q, stdout:\n%s\nwant:\n%s", name, status, stderr, stdout, c.want)
		}
		if status, stdout, _ := f.ask(t, "sync INC-1 -json"); status != c.exit || !json.Valid([]byte(stdout)) {
			t.Errorf("%s: -json: exit %d, stdout:\n%s", name, status, stdout)
		}
	}
	f := &fakeDaemon{answers: map[string]fakeAnswer{"POST /v1/sync": {404, `{"error":"nothing is called","unknown_name":true}`}}}
	if status, _, stderr := f.ask(t, "sync INC-9 INC-8"); status != 1 || stderr != "lockstep: INC-9: there is no such record\nlockstep: INC-8: there is no such record\n" {
		t.Errorf("unknown: exit %d, stderr %q", status, stderr)
	}
	if status, _, stderr := f.ask(t, "sync INC-9 -timeout 1h"); status != 2 || !strings.Contains(stderr, "-timeout 1h0m0s: expected one from 0s to 4m0s") {
		t.Errorf("-timeout: exit %d, stderr %q", status, stderr)
	}
}

func TestDeadCommand(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{
		"GET /v1/dead":           {200, "[" + aDeadLetter + "]"},
		"GET /v1/dead/d1":        {200, aDeadLetter},
		"POST /v1/dead/d1/retry": {200, `{"letter":` + aDeadLetter + `,"outcome":` + anOutcome + `}`},
		"DELETE /v1/dead/d1":     {200, aDeadLetter},
	}}
	want := regexp.MustCompile(`^rejected on incidents: 1
ID  AGE +RECORD  FIELD       MESSAGE
d1  \d+d +INC-1   close_code  It said: no.
$`)
	for _, args := range []string{"dead", "dead list"} {
		if status, stdout, _ := f.ask(t, args); status != 0 || !want.MatchString(stdout) {
			t.Errorf("%s: exit %d, stdout:\n%s\nwant:\n%s", args, status, stdout, want)
		}
	}
	status, stdout, _ := f.ask(t, "dead show d1")
	if status != 0 || !strings.HasSuffix(stdout, "\n\nIt said:\nno.\n") {
		t.Errorf("show: exit %d, stdout:\n%s", status, stdout)
	}
	status, stdout, stderr := f.ask(t, "dead retry d9 d1")
	const again = "retried d1 (INC-1): wrote title, 2 comments of the ticket; failed again: rejected close_code: It said: no.\n"
	if status != 1 || stdout != again || stderr != "lockstep: d9: there is no such dead letter\n" {
		t.Errorf("retry: exit %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	status, stdout, _ = f.ask(t, "dead drop d1 -json")
	var dropped []map[string]any
	if err := json.Unmarshal([]byte(stdout), &dropped); status != 0 || err != nil || len(dropped) != 1 || dropped[0]["id"] != "d1" {
		t.Errorf("drop: exit %d, stdout:\n%s", status, stdout)
	}
	for _, all := range []string{"-all", "-route incidents", "-reason rejected", "-route incidents -reason rejected"} {
		query := map[string]string{"-all": "", "-route incidents": "?route=incidents", "-reason rejected": "?reason=rejected"}[all]
		if strings.Count(all, "-") == 2 {
			query = "?reason=rejected&route=incidents"
		}
		f.answers["GET /v1/dead"+query] = fakeAnswer{200, "[" + aDeadLetter + "]"}
		if status, stdout, stderr := f.ask(t, "dead retry "+all); status != 1 || stdout != again {
			t.Errorf("retry %s: exit %d, stdout %q, stderr %q", all, status, stdout, stderr)
		}
		if status, stdout, _ := f.ask(t, "dead drop "+all); status != 0 || stdout != "dropped d1 (INC-1)\n" {
			t.Errorf("drop %s: exit %d, stdout %q", all, status, stdout)
		}
	}
	if status, _, stderr := f.ask(t, "dead retry -all d1"); status != 2 || !strings.Contains(stderr, "give names or -all, not both") {
		t.Errorf("names and -all: exit %d, stderr %q", status, stderr)
	}
	f.answers["GET /v1/dead"] = fakeAnswer{200, "[" + aDeadLetter + "," + strings.Replace(aDeadLetter, `"d1"`, `"d2"`, 1) + "]"}
	f.answers["DELETE /v1/dead/d2"] = fakeAnswer{404, `{"error":"there is nothing of this id"}`}
	if status, stdout, stderr := f.ask(t, "dead drop -all"); status != 2 || stdout != "" || !strings.Contains(stderr, "that would drop 2 dead letters; add -yes to do it") {
		t.Errorf("many: exit %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	if status, stdout, _ := f.ask(t, "dead drop -all -yes"); status != 0 || stdout != "dropped d1 (INC-1)\n" {
		t.Errorf("many, -yes: exit %d, stdout %q", status, stdout)
	}
	f.answers["GET /v1/dead"] = fakeAnswer{200, "[]"}
	if status, stdout, _ := f.ask(t, "dead"); status != 0 || stdout != "no dead letters\n" {
		t.Errorf("none: exit %d, stdout %q", status, stdout)
	}
}

func TestWrongTokenSaysWhereItBelongs(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{"GET /v1/status": {401, `{"error":"the admin token is missing or wrong"}`}}}
	status, _, stderr := f.ask(t, "status")
	if status != 1 || !strings.Contains(stderr, "LOCKSTEP_ADMIN_TOKEN") || strings.Contains(stderr, "s3cret") {
		t.Errorf("exit %d, stderr %q", status, stderr)
	}
}

func TestAdminAddressWithTLS(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{"GET /v1/status": {200, goodStatus}}}
	server := httptest.NewTLSServer(f)
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, address, ca string
		status            int
		stderr            string // part of it
	}{
		{"with its CA", server.URL, ca, 0, ""},
		{"without its CA", server.URL, "", 1, "LOCKSTEP_ADMIN_CA"},
		{"with a CA that is not there", server.URL, ca + "x", 1, ca + "x: no such file"},
		{"without https", server.Listener.Addr().String(), ca, 1, "expects TLS: write " + server.URL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.token = ""
			env := func(name string) (string, bool) {
				value := map[string]string{"LOCKSTEP_ADMIN": tt.address, "LOCKSTEP_ADMIN_CA": tt.ca, "LOCKSTEP_ADMIN_TOKEN": "s3cret"}[name]
				return value, value != ""
			}
			var out, err bytes.Buffer
			if status := run(t.Context(), []string{"status"}, strings.NewReader(""), &out, &err, env); status != tt.status || !strings.Contains(err.String(), tt.stderr) {
				t.Errorf("exit %d, stderr %q", status, err.String())
			}
			if asked := f.token == "Bearer s3cret"; asked != (tt.status == 0) {
				t.Errorf("the daemon was given the token: %t", asked)
			}
		})
	}
}
