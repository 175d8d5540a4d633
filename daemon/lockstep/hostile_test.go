package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// hostile are words with which somebody wants to write on the terminal of who
// reads them.
const hostile = "\x1b]0;title\a\u009b31m\u202egnp\u2066\x7f\r\U000e0041"

// spoil puts hostile behind every text in a JSON document, but for times.
func spoil(v any) any {
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return v
		}
		return v + hostile
	case []any:
		for i := range v {
			v[i] = spoil(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = spoil(v[name])
		}
	}
	return v
}

// A spoiltDaemon answers with hostile words wherever it answers with words.
type spoiltDaemon struct{ answers map[string]string }

func (f spoiltDaemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, ok := f.answers[r.Method+" "+r.URL.Path]
	if !ok {
		answer = `{"error":"no"}`
		w.WriteHeader(http.StatusNotFound)
	}
	if strings.HasSuffix(r.URL.Path, "/reload") {
		w.WriteHeader(http.StatusConflict)
	}
	encoder := json.NewEncoder(w) // which leaves all but the first controls as they are
	for line := range strings.SplitSeq(answer, "\n") {
		var v any
		if json.Unmarshal([]byte(line), &v) == nil {
			_ = encoder.Encode(spoil(v))
		}
	}
}

// carriedOut returns the first thing in a text that a terminal would not merely show.
func carriedOut(s string) (string, bool) {
	for i, r := range s {
		_, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			return s[max(0, i-40):min(len(s), i+40)], true
		}
	}
	return "", false
}

// hostileConfig returns a directory whose files hold hostile words; bad, it does not
// load.
func hostileConfig(t *testing.T, bad bool) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := `
connector "incidentio" "acme" { api_key = "k" }
connector "servicenow" "itsm" {
  url      = "https://sn.example"
  username = "u"
  password = "p"
}
route "incidents" {
  source = incidentio.acme.incident
  templates = [template.all]
}
template "all" {
  target  = servicenow.itsm.incident
  when   = "incident.name != 'x` + strings.ReplaceAll(hostile, "\r", "") + `'"
  outbound { short_description = "{{ incident.name }}` + strings.ReplaceAll(hostile, "\r", "") + `" }
}
`
	if bad {
		config += `template "worse" { target = "` + strings.ReplaceAll(hostile, "\r", "") + `" }` + "\n"
	}
	write("main.hcl", config)
	write("tests/words.txtar", "route record.json\nstdout '"+strings.ReplaceAll(hostile, "\r", "")+"nothing'\n-- record.json --\n"+hostileRecord(t))
	return dir
}

func hostileRecord(t *testing.T) string {
	t.Helper()
	record, err := json.Marshal(map[string]any{
		"id": "01FDAG4SAP5TYPT98WGR2N7W91", "reference": "INC-1", "name": "name" + hostile, "mode": "standard", "visibility": "public",
		"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
		"incident_status": map[string]any{"id": "s", "name": "Live", "category": "live"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(record) + "\n"
}

// TestNoCommandPrintsWhatATerminalCarriesOut walks every command with words of
// others that hold escape sequences, controls of both ranges and what turns text
// round. A command that is not here has to be added.
func TestNoCommandPrintsWhatATerminalCarriesOut(t *testing.T) {
	const decided = `{"route":"incidents","record":"incidentio.acme.incident/1","at":"2026-01-02T03:04:05Z","template":"t","action":"create","reason":"r","error":"e","writes":["a"],"snapshot":{"v":1,"record":{"Ref":"incidentio.acme.incident/1","Fields":{"name":"n"}},"link_id":"x","decided":{"template":"t","target":"servicenow.itsm.incident","action":"create","fields":{"short_description":"s"}}}}`
	daemon := httptest.NewServer(spoiltDaemon{map[string]string{
		"GET /v1/status": `{"ready":false,"waiting":"w","version":"1","generation":"g","commit":"c","config":{"ok":false,"loaded_at":"2026-01-02T03:04:05Z","diagnostics":[{"severity":"error","file":"f","line":1,"column":2,"summary":"s","detail":"d"}]},` +
			`"routes":[{"name":"r"}],"connectors":[{"name":"n","type":"t","ok":false,"refused":true,"setting":"s","last_error":"e","throttled_until":"2026-01-02T03:04:05Z","calls":[{"call":"c","ok":false,"failures":2,"error":"e"}]}]}`,
		"POST /v1/reload":          `{"error":"e","diagnostics":[{"severity":"error","file":"f","line":1,"column":2,"summary":"s","detail":"d"}]}`,
		"GET /v1/routes":           `[{"name":"r","paused":{"since":"2026-01-02T03:04:05Z","by":"b"}}]`,
		"POST /v1/routes/r/pause":  `{"name":"r","paused":{"since":"2026-01-02T03:04:05Z","by":"b"}}`,
		"POST /v1/routes/r/resume": `{"name":"r","paused":null}`,
		"GET /v1/links":            "[" + aLink + "]",
		"GET /v1/links/l1":         aLink,
		"DELETE /v1/links/l1":      aLink,
		"POST /v1/links":           aLink,
		"GET /v1/dead":             "[" + aDeadLetter + "]",
		"GET /v1/dead/d1":          aDeadLetter,
		"POST /v1/dead/d1/retry":   `{"letter":` + aDeadLetter + `,"outcome":` + anOutcome + `}`,
		"POST /v1/sync":            "[" + anOutcome + "]",
		"DELETE /v1/dead/d1":       aDeadLetter,
		"GET /v1/journal":          decided,
		"GET /v1/decisions":        "[" + decided + "]",
		"GET /v1/backfill":         `{"id":"b1","started_at":"2026-01-02T03:04:05Z","ended_at":"2026-01-02T03:04:05Z","listed":true,"total":1,"done":1,"waiting":"w","error":"e"}`,
		"POST /v1/backfill":        `{"id":"b1","started_at":"2026-01-02T03:04:05Z","ended_at":"2026-01-02T03:04:05Z","listed":true,"total":1,"done":1,"waiting":"w","error":"e"}`,
		"DELETE /v1/backfill":      `{"id":"b1","started_at":"2026-01-02T03:04:05Z","ended_at":"2026-01-02T03:04:05Z","listed":true,"total":1,"done":1,"waiting":"w","error":"e"}`,
		"GET /v1/backfill/plan": `{"record":"incidentio.acme.incident/1","name":"INC-1","route":"r","template":"t","operations":[{"kind":"create","reason":"r","fields":["f"]}]}` + "\n" +
			`{"record":"incidentio.acme.incident/1","route":"r","operations":[],"error":"e"}` + "\n" + `{"complete":true}`,
		"GET /v1/why/INC-1": `[{"record":"incidentio.acme.incident/1","name":"INC-1","url":"u","routes":[{"route":"r","configured":true,"decided":true,"decision":` +
			`{"route":"r","record":"incidentio.acme.incident/1","template":null,"target":null,"action":"none","reason":"n","state":null,"fields":{},"errors":{},"skipped":[{"template":"t","condition":"c","operands":[{"path":"p","value":"v"}]}]},` +
			`"at":"2026-01-02T03:04:05Z","generation":"g","commit":"c","error":"e","link":` + aLink + `,"waits":["w"],"dead":[` + aDeadLetter + `]}]}]`,
		"GET /v1/records/INC-1": `{"record":"incidentio.acme.incident/1","name":"INC-1","url":"u","private":false,"version":"1","fields":{},"inputs":{"incidents":{"v":1,"record":{"Ref":"incidentio.acme.incident/1","Fields":{"name":"n"}},"link_id":"x","decided":{}}}}`,
	}})
	defer daemon.Close()
	good, bad := hostileConfig(t, false), hostileConfig(t, true)
	record := filepath.Join(t.TempDir(), "record.json")
	if err := os.WriteFile(record, []byte(hostileRecord(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	parted := filepath.Join(t.TempDir(), "a"+hostile)
	calls := map[string][][]string{
		"check":          {{bad}, {"-json", bad}, {parted}},
		"fmt":            {{"-check", "-diff", good}, {bad + hostile}},
		"explain":        {{"-record", record, good}, {"-json", "-record", record, good}, {"-record", record, bad}, {"INC-1", good}, {"-json", "INC-1", good}},
		"test":           {{good}, {"-v", good}, {"-json", good}},
		"schema":         {{"incidentio." + hostile}},
		"init":           {{filepath.Join(parted, "b")}},
		"graph":          {{good}, {"-format", "dot", good}, {bad}},
		"run":            {{bad}},
		"doctor":         {{bad}, {"-json", bad}},
		"demo":           {{"-listen", hostile}},
		"sandbox":        {{"-listen", hostile}},
		"dashboard":      {{"-listen", hostile}},
		"routes":         {{}, {"-json"}},
		"routes pause":   {{"r"}, {"-json", "r"}, {hostile}},
		"routes resume":  {{"r"}, {"-json", "r"}, {hostile}},
		"status":         {{}, {"-json"}},
		"why":            {{"INC-1"}, {"-json", "INC-1"}, {hostile}},
		"decisions":      {{}, {"-json"}, {hostile}},
		"reload":         {{}, {"-json"}},
		"backfill":       {{"-dry-run"}, {"-dry-run", "-json"}, {"-route", hostile}, {"-stop", "-json"}, {}, {"-json"}},
		"links":          {{}, {"-json"}},
		"links show":     {{"l1"}, {"-json", "l1"}, {hostile}},
		"links unlink":   {{"l1"}},
		"links adopt":    {{"r", "incidentio.acme.incident/1", "servicenow.itsm.incident/2"}, {"r", hostile, hostile}, {"-dry-run", "r", "INC-1", "INC1"}, {"-json", "r", "INC-1", "INC1"}},
		"dead":           {{}, {"-json"}},
		"dead list":      {{}, {"-json"}},
		"dead show":      {{"d1"}, {"-json", "d1"}},
		"dead retry":     {{"d1"}, {"-json", "d1"}, {hostile}},
		"dead drop":      {{"d1"}, {hostile}},
		"sync":           {{"INC-1"}, {"-json", "INC-1"}},
		"plan":           {{good}, {"-json", good}, {bad}},
		"journal":        nil, // its help
		"journal export": {{}},
		"version":        nil, // words of the build alone
		"completion":     {{hostile}},
		"help":           {{hostile}},
	}
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"LOCKSTEP_ADMIN": daemon.Listener.Addr().String(), "LOCKSTEP_ADMIN_TOKEN": "t"}[name]
		return v, ok
	}
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		for _, child := range cmd.Commands() {
			walk(child, append(slices.Clone(path), child.Name()))
		}
		name := strings.Join(path, " ")
		if name == "" || !cmd.Runnable() {
			return
		}
		all, known := calls[name]
		if !known {
			t.Errorf("how does %q print the words of others? Add it here", name)
		}
		for _, args := range all {
			t.Run(name+" "+strings.Join(args, " "), func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				run(t.Context(), append(slices.Clone(path), args...), strings.NewReader(""), &stdout, &stderr, env)
				for _, out := range []string{stdout.String(), stderr.String()} {
					if near, bad := carriedOut(out); bad {
						t.Errorf("printed %q", near)
					}
				}
				if said := stdout.String() + stderr.String(); !strings.Contains(said, `u202e`) && !strings.Contains(said, `u001b`) { // a table cuts them
					t.Errorf("the words are not there:\n%s%s", stdout.String(), stderr.String())
				}
				if slices.Contains(args, "-json") {
					for decoder := json.NewDecoder(&stdout); decoder.More(); {
						var v any
						if err := decoder.Decode(&v); err != nil {
							t.Fatalf("no longer JSON: %v", err)
						}
					}
				}
			})
		}
	}
	walk(newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, env).root(), nil)
}

// TestFmtOfStandardInputIsExact: what another program reads is not escaped.
func TestFmtOfStandardInputIsExact(t *testing.T) {
	const text = "locals {\n  a = \"\u202e\u009b\"\n}\n"
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"fmt", "-"}, strings.NewReader(text), &stdout, &stderr, noEnv); status != 0 || stdout.String() != text {
		t.Errorf("exit %d, %q, %s", status, stdout.String(), stderr.String())
	}
}
