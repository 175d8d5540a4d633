package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Workflows install the release that wrote them, or the commit that it was built
// from; of a build that knows neither it is left to people.
func TestStarterVersion(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, test := range []struct{ version, commit, want string }{
		{"v1.2.3", commit, "LOCKSTEP_VERSION: v1.2.3\n"},
		{"v1.2.3-4-gabcdef-dirty", commit, "LOCKSTEP_VERSION: " + commit + "\n"},
		{"devel", "unknown", "LOCKSTEP_VERSION: latest #"},
	} {
		files, err := starterFiles(build{Version: test.version, Commit: test.commit})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, f := range files {
			if filepath.Ext(f.name) != ".yml" {
				continue
			}
			seen++
			if !strings.Contains(string(f.content), test.want) {
				t.Errorf("%s: %s does not say %q", test.version, f.name, test.want)
			}
		}
		if seen != 2 {
			t.Errorf("%d workflows", seen)
		}
	}
}

// What cannot be written whole is not written at all.
func TestStarterIsWhole(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	files := []starterFile{{"a", []byte("a"), 0o644}, {"b", []byte("b"), 0o644}}
	if err := writeStarter(dir, files); err == nil {
		t.Error("a file was overwritten")
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); !os.IsNotExist(err) {
		t.Errorf("a was left: %v", err)
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"itsm": "itsm", "a/b-c.d": "a/b-c.d", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$x": "'$x'"} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
