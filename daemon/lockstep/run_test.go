package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lockstep runs the command line and returns what it said.
func lockstep(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(stdin), &out, &err, noEnv)
	return status, out.String(), err.String()
}

func TestExitStatusOfUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	tests := []struct {
		args   string
		status int
		stderr string // part of it
	}{
		{"", 2, "lockstep check DIR"},
		{"chekc", 2, `unknown command "chekc" for "lockstep"; did you mean "check"?`},
		{"frobnicate", 2, `unknown command "frobnicate" for "lockstep"` + "\n"},
		{"check -jsn", 2, `did you mean "-json"?`},
		{"check a b", 2, `"lockstep check" does not take "b"`},
		{"check -var", 2, "flag needs an argument: -var"},
		{"check -var x", 2, `-var "x": expected NAME=VALUE`},
		{"check -json=maybe", 2, "invalid argument"},
		{"explain", 2, "needs -record FILE"},
		{"links shw l1", 2, `unknown command "shw" for "lockstep links"; did you mean "show"?`},
		{"links show", 2, `"lockstep links show" needs NAME`},
		{"links adopt r x", 2, `"lockstep links adopt" needs ROUTE SOURCE TARGET`},
		{"links adopt -file x.csv r x y", 2, `does not take "x"`},
		{"links adopt -file nowhere.csv r", 1, "nowhere.csv: no such file"},
		{"dead retry", 2, `"lockstep dead retry" needs NAME…`},
		{"dead frob", 2, `unknown command "frob" for "lockstep dead"`},
		{"completion", 2, `"lockstep completion" needs SHELL`},
		{"completion bsh", 2, `did you mean "bash"?`},
		{"run -log-level loud", 2, "-log-level"},
		{"run -log-format xml", 2, "-log-format"},
		{"status", 1, "no daemon answers at unix://.lockstep/admin.sock"},
		{"status -admin unix:///nowhere/x.sock", 1, "no daemon answers at unix:///nowhere/x.sock"},
		{"links", 1, "no daemon answers"},
		{"dead list", 1, "no daemon answers"},
		{"reload", 1, "no daemon answers"},
		{"fmt nowhere", 1, "nowhere"},
		{"fmt .", 1, "holds no *.hcl file"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			status, stdout, stderr := lockstep(t, "", strings.Fields(tt.args)...)
			if status != tt.status || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("exit %d, want %d\nstderr: %s\nwant: %s", status, tt.status, stderr, tt.stderr)
			}
			if stdout != "" {
				t.Errorf("stdout %q", stdout)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"-help", "help", "check -h", "check --help", "links show -help", "help run"} {
		status, stdout, stderr := lockstep(t, "", strings.Fields(args)...)
		if status != 0 || !strings.Contains(stdout, "Usage:") || stderr != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", args, status, stdout, stderr)
		}
	}
}

func TestVersion(t *testing.T) {
	status, stdout, _ := lockstep(t, "", "version")
	if status != 0 || !strings.HasPrefix(stdout, "lockstep ") || !strings.Contains(stdout, ", go1.") {
		t.Errorf("exit %d: %s", status, stdout)
	}
	status, stdout, _ = lockstep(t, "", "version", "-json")
	var b build
	if err := json.Unmarshal([]byte(stdout), &b); status != 0 || err != nil || b.Version == "" || b.Commit == "" || b.Go == "" {
		t.Errorf("exit %d: %s", status, stdout)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		status, stdout, stderr := lockstep(t, "", "completion", shell)
		if status != 0 || !strings.Contains(stdout, "lockstep") || stderr != "" {
			t.Errorf("%s: exit %d, %d bytes, stderr %q", shell, status, len(stdout), stderr)
		}
	}
	status, stdout, _ := lockstep(t, "", "__complete", "che")
	if status != 0 || !strings.HasPrefix(stdout, "check\t") {
		t.Errorf("completing: exit %d: %s", status, stdout)
	}
}

func TestColor(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	a := testApp()
	if a.color(a.stdout) || a.color(null) {
		t.Error("colours on something that is not a terminal")
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	for name, tt := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"terminal": {nil, true},
		"NO_COLOR": {map[string]string{"NO_COLOR": "1"}, false},
		"empty":    {map[string]string{"NO_COLOR": ""}, true},
		"dumb":     {map[string]string{"TERM": "dumb"}, false},
	} {
		a.env = func(name string) (string, bool) { v, ok := tt.env[name]; return v, ok }
		if got := a.color(terminal); got != tt.want {
			t.Errorf("%s: colours %v, want %v", name, got, tt.want)
		}
	}
}

func TestFmt(t *testing.T) {
	const untidy = "locals {\n  a   = 1\n  bcd = 2\n}\nx={}\n"
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		return path
	}
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	file := write("main.hcl", untidy)
	write("other.txt", "x={}\n")
	link := filepath.Join(dir, "link.hcl")
	target := write("target", "y={}\n")
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}

	status, stdout, _ := lockstep(t, "", "fmt", "-check", dir)
	if want := link + "\n" + file + "\n"; status != 1 || stdout != want || read(file) != untidy {
		t.Errorf("-check: exit %d, stdout %q, want 1 and %q, nothing written", status, stdout, want)
	}
	status, stdout, _ = lockstep(t, "", "fmt", "-check", "-diff", file)
	if status != 1 || !strings.Contains(stdout, "\n-x={}\n+x = {}\n") {
		t.Errorf("-diff: exit %d, stdout %s", status, stdout)
	}
	status, stdout, stderr := lockstep(t, "", "fmt", dir)
	if status != 0 || stdout != link+"\n"+file+"\n" || stderr != "" {
		t.Errorf("fmt: exit %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	if got := read(file); !strings.HasSuffix(got, "\nx = {}\n") {
		t.Errorf("file is %q", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode changed: %v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || read(target) != "y = {}\n" {
		t.Errorf("the link is %v, its target %q", info.Mode(), read(target))
	}
	if status, stdout, _ = lockstep(t, "", "fmt", "-check", dir); status != 0 || stdout != "" {
		t.Errorf("again: exit %d, stdout %q", status, stdout)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 {
		t.Errorf("files left behind: %v, %v", entries, err)
	}

	status, stdout, _ = lockstep(t, "x={}\n", "fmt", "-")
	if status != 0 || stdout != "x = {}\n" {
		t.Errorf("standard input: exit %d, stdout %q", status, stdout)
	}
	write("broken.hcl", "x = {\n")
	good := write("z.hcl", "z={}\n")
	status, _, stderr = lockstep(t, "", "fmt", dir)
	if status != 1 || !strings.Contains(stderr, filepath.Join(dir, "broken.hcl")+":") || read(good) != "z = {}\n" {
		t.Errorf("a broken file: exit %d, stderr %s, the next file %q", status, stderr, read(good))
	}
	if read(filepath.Join(dir, "broken.hcl")) != "x = {\n" {
		t.Error("the broken file was written")
	}
}

func newListener(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}
