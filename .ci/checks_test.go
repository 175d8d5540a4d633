// Package ci tests the scripts of continuous integration.
package ci

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runScript runs a script with a tool that prints text and exits with status,
// and returns what came of it. The tool writes what it was asked before text.
func runScript(t *testing.T, script, text string, status string, env ...string) (code int, out string) {
	t.Helper()
	dir := t.TempDir()
	tool := filepath.Join(dir, "tool")
	said := filepath.Join(dir, "said")
	if err := os.WriteFile(said, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tool, []byte("#!/bin/sh\necho asked \"$@\"\ncat "+said+"\nexit "+status+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("./"+script, tool, "./daemon/lockstep")
	cmd.Env = append(os.Environ(), env...)
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(output)
}

// A vulnerability is never passed over, nor is a check that did not take
// place, unless the database is out of reach.
func TestVulnerabilities(t *testing.T) {
	const unreachable = `govulncheck: fetching vulnerabilities: Get "https://vuln.example/index/modules.json.gz": dial tcp: lookup vuln.example: no such host`
	for _, tt := range []struct {
		name, said, status string
		code               int
		out                string // part of it
	}{
		{"none", "No vulnerabilities found.", "0", 0, "No vulnerabilities found."},
		{"one", "Vulnerability #1: GO-2026-0001", "3", 3, "GO-2026-0001"},
		{"the database is out of reach", unreachable, "1", 0, "NOT CHECKED"},
		{"found, and then out of reach", "Vulnerability #1: GO-2026-0001\n" + unreachable, "3", 3, "GO-2026-0001"},
		{"the database answers with an error", `govulncheck: fetching vulnerabilities: unexpected status code 500`, "1", 1, "status code 500"},
		{"a copy that is not there", `govulncheck: fetching vulnerabilities: open /x/index/modules.json: no such file or directory`, "1", 1, "/x/index"},
		{"the packages do not build", "govulncheck: loading packages:\nthere are errors with the provided package patterns", "1", 1, "loading packages"},
		{"quoted by something else", "x.go:1: " + unreachable, "1", 1, "x.go:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out := runScript(t, "vulnerabilities", tt.said+"\n", tt.status, "GOVULNDB=")
			if code != tt.code || !strings.Contains(out, tt.out) {
				t.Errorf("exit %d, want %d\n%s", code, tt.code, out)
			}
			if strings.Contains(out, "NOT CHECKED") != (tt.status != "0" && code == 0) {
				t.Errorf("exit %d with\n%s", code, out)
			}
		})
	}
	if code, out := runScript(t, "vulnerabilities", "", "0", "GOVULNDB=file:///copy"); code != 0 || !strings.Contains(out, "asked -db file:///copy ./daemon/lockstep") {
		t.Errorf("another database: exit %d\n%s", code, out)
	}
	if code, out := runScript(t, "vulnerabilities", "", "127", "GOVULNDB="); code != 127 {
		t.Errorf("a tool that does not run: exit %d\n%s", code, out)
	}
	traces := "  Example traces found:\n    #1: a\n    #2: b\n    #3: c\n    #4: d\n\nVulnerability #2\n    #1: e\n"
	if _, out := runScript(t, "vulnerabilities", traces, "3", "GOVULNDB="); strings.Contains(out, "#4: d") || !strings.Contains(out, "#1: e") {
		t.Errorf("traces:\n%s", out)
	}
}

func TestLicences(t *testing.T) {
	const noise = "W1126 16:08:25.809091   23416 library.go:101] \"x\" contains non-Go code:\n/x/decode_amd64.s\n"
	if code, out := runScript(t, "licences", noise, "0"); code != 0 || strings.Contains(out, "amd64") {
		t.Errorf("all allowed: exit %d\n%s", code, out)
	}
	refused := noise + "Not allowed license AGPL-3.0 found for library example.com/x\n"
	if code, out := runScript(t, "licences", refused, "1"); code != 1 || strings.Contains(out, "amd64") || !strings.Contains(out, "AGPL-3.0") {
		t.Errorf("one that is not allowed: exit %d\n%s", code, out)
	}
	if code, _ := runScript(t, "licences", "", "2"); code == 0 {
		t.Error("a tool that fails is passed over")
	}
}
