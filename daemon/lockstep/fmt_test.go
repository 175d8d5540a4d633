package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// TestFormatReadsSoMuchInAll: what is larger than a configuration may be is
// refused before any of its files is changed.
func TestFormatReadsSoMuchInAll(t *testing.T) {
	dir := t.TempDir()
	first := filepath.Join(dir, "00.hcl")
	const untidy = "locals {\na=1\n}\n"
	if err := os.WriteFile(first, []byte(untidy), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range source.MaxTotal / source.MaxFile {
		path := filepath.Join(dir, fmt.Sprintf("%02d.hcl", i+1))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, source.MaxFile); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"fmt", dir}, {"fmt", "-check", dir}, {"fmt", "-diff", first, dir}} {
		status, _, stderr := lockstep(t, "", args...)
		if status != 1 || !strings.Contains(stderr, "64.hcl: the configuration is larger than 64 MiB") {
			t.Errorf("%v: status %d, %s", args, status, stderr)
		}
	}
	if content, err := os.ReadFile(first); err != nil || string(content) != untidy {
		t.Errorf("%q, %v", content, err)
	}
}
