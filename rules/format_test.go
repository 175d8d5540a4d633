package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestFormat(t *testing.T) {
	const ugly = `# first
route "r"   {
source=incidentio.acme.incident
      templates = [ template.a,template.b ] # in this order
}
`
	const want = `# first
route "r" {
  source    = incidentio.acme.incident
  templates = [template.a, template.b] # in this order
}
`
	got, found := Format([]byte(ugly), "main.hcl")
	if len(found) > 0 {
		t.Fatal(textOf(found))
	}
	if diff := gocmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, found = Format([]byte("a = \"x\nb = \"y\"\n"), "main.hcl")
	if len(found) != 1 || found[0].Detail != closeTheQuote {
		t.Errorf("an open quote: %+v", found)
	}
	got, found = Format([]byte("route {\n  x =\n}\n"), "main.hcl")
	if got != nil || !found.HasErrors() || found[0].File != "main.hcl" || found[0].Line != 2 {
		t.Errorf("%q, %+v", got, found)
	}
}

// TestSampleIsFormatted also holds the formatter to leaving what is formatted.
func TestSampleIsFormatted(t *testing.T) {
	src, err := os.ReadFile("testdata/sample/main.hcl")
	if err != nil {
		t.Fatal(err)
	}
	got, _ := Format(src, "main.hcl")
	if diff := gocmp.Diff(string(src), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzFormat(f *testing.F) {
	seedFiles(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		once, found := Format(src, "main.hcl")
		if found.HasErrors() {
			return
		}
		twice, found := Format(once, "main.hcl")
		if found.HasErrors() {
			t.Fatalf("%q cannot be read again: %s", once, textOf(found))
		}
		if string(once) != string(twice) {
			t.Errorf("%q, then %q", once, twice)
		}
	})
}

// FuzzLoad loads arbitrary bytes: they may be wrong, but not fatal, and each
// diagnostic has a place in the file.
func FuzzLoad(f *testing.F) {
	seedFiles(f)
	f.Add([]byte(family))
	f.Add([]byte(routing))
	f.Fuzz(func(t *testing.T, src []byte) {
		dir := write(t, "connectors.hcl", connectorBlocks, "main.hcl", string(src))
		set, found := Load(t.Context(), dir, Options{Systems: fakeSystems(), Offline: true, limits: testLimits})
		if (set == nil) != found.HasErrors() {
			t.Fatalf("set is nil: %t\n%s", set == nil, textOf(found))
		}
		lines := strings.Count(string(src), "\n") + strings.Count(connectorBlocks, "\n") + 1
		for _, d := range found {
			if d.Line < 1 || d.Column < 1 || d.Line > lines || d.Summary == "" {
				t.Errorf("no place: %+v", d)
			}
		}
		if set == nil {
			return
		}
		set.Uses()
		for _, r := range set.Routes {
			record := incident(nil)
			record.Ref.Collection = r.Source
			decisionText(set.Decide(r.Name, Input{Record: record}))
		}
	})
}

func seedFiles(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*/*.hcl")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, test := range hostile() {
		const most = 2000 // longer ones only slow the fuzzer down
		f.Add([]byte(test.hcl[:min(len(test.hcl), most)]))
	}
}
