package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loadDir loads a directory with the systems of these tests, offline.
func loadDir(t testing.TB, dir string) (*Set, Diagnostics) {
	t.Helper()
	return Load(t.Context(), dir, Options{Systems: fakeSystems(), Offline: true})
}

// connectorBlocks are the connectors of configurations in tests.
const connectorBlocks = `
connector "incidentio" "acme" {
  api_key = env("KEY")
}
connector "servicenow" "itsm" {
  url      = "https://acme.service-now.com"
  username = "sync"
  password = env("PASSWORD")
}
connector "jira" "eng" {
  url       = "https://acme.atlassian.net"
  email     = "bot@acme.example"
  api_token = env("TOKEN")
}
`

// write makes a directory of the files, whose names and contents alternate.
func write(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mustLoad loads a configuration in one file, connectors before it.
func mustLoad(t testing.TB, hcl string) *Set {
	t.Helper()
	set, found := loadDir(t, write(t, "connectors.hcl", connectorBlocks, "main.hcl", hcl))
	if set == nil {
		t.Fatalf("errors:\n%s", textOf(found))
	}
	return set
}

func textOf(d Diagnostics) string {
	var b strings.Builder
	d.WriteText(&b, false)
	return b.String()
}

func TestSample(t *testing.T) {
	set, found := loadDir(t, "testdata/sample")
	if len(found) > 0 {
		t.Fatalf("the sample has diagnostics:\n%s", textOf(found))
	}
	if got := len(set.Templates); got != 4 {
		t.Errorf("%d templates, want 4", got)
	}
	if got := set.Route("follow_ups"); got == nil || !got.NeedsParent {
		t.Error("the route follow_ups does not need the parent")
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if set, found := loadDir(b, "testdata/sample"); set == nil {
			b.Fatal(textOf(found))
		}
	}
}
