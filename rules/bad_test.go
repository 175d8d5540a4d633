package rules

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A mark is what a bad file expects on the line of the comment, or so many
// lines from it where a comment cannot stand:
//
//	# ERROR: 12: summary
//	# WARNING(-2): 12: summary
var mark = regexp.MustCompile(`# (ERROR|WARNING)(?:\(([+-]\d+)\))?: (\d+): ([^#]*[^# ])`)

type expectation struct {
	Line, Column int
	Severity     string
	Summary      string
}

func marks(t *testing.T, content string) []expectation {
	t.Helper()
	var all []expectation
	for i, line := range strings.Split(content, "\n") {
		for _, m := range mark.FindAllStringSubmatch(line, -1) {
			offset, _ := strconv.Atoi(m[2])
			column, err := strconv.Atoi(m[3])
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, expectation{i + 1 + offset, column, strings.ToLower(m[1]), m[4]})
		}
	}
	return sortPlaces(all)
}

func sortPlaces(all []expectation) []expectation {
	slices.SortFunc(all, func(a, b expectation) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Summary, b.Summary))
	})
	return all
}

// TestBadFiles loads each file of testdata/bad, with connectors beside it if it
// has none, and expects the diagnostics that its comments name, in place and
// words, and no others.
func TestBadFiles(t *testing.T) {
	testBadFiles(t, "testdata/bad/*.hcl", fakeSystems())
}

// TestBadFilesOfRealSystems does so with the connectors' own knowledge.
func TestBadFilesOfRealSystems(t *testing.T) {
	testBadFiles(t, "testdata/real/*.hcl", realSystems())
}

func testBadFiles(t *testing.T, pattern string, systems []connectors.System) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			set, found, content := loadBad(t, file, systems)
			var got []expectation
			for _, d := range found {
				if filepath.Base(d.File) != filepath.Base(file) {
					t.Errorf("diagnostic in %s: %s", d.File, d.Summary)
				}
				got = append(got, expectation{d.Line, d.Column, d.Severity, d.Summary})
				if d.Detail == "" {
					t.Errorf("line %d: %s: no detail", d.Line, d.Summary)
				}
			}
			if (set == nil) != found.HasErrors() {
				t.Errorf("set is nil: %t, errors: %t", set == nil, found.HasErrors())
			}
			if diff := gocmp.Diff(marks(t, content), sortPlaces(got)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s\n%s", diff, textOf(found))
			}
		})
	}
}

func loadBad(t *testing.T, file string, systems []connectors.System) (*Set, Diagnostics, string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files := []string{filepath.Base(file), string(content)}
	if !regexp.MustCompile(`(?m)^connector "incidentio" "acme"`).Match(content) {
		files = append(files, "connectors.hcl", connectorBlocks)
	}
	set, found := Load(t.Context(), write(t, files...), Options{Systems: systems, Offline: true})
	return set, found, string(content)
}

// TestDiagnosticsText compares the diagnostics as people see them with golden
// files. LOCKSTEP_UPDATE=1 rewrites these.
func TestDiagnosticsText(t *testing.T) {
	texts := func(name, file string, systems []connectors.System) {
		t.Run(name, func(t *testing.T) {
			_, found, _ := loadBad(t, file, systems)
			for i := range found {
				dir := filepath.Dir(found[i].File)
				found[i].File = filepath.Base(found[i].File)
				found[i].Detail = strings.ReplaceAll(found[i].Detail, dir+string(filepath.Separator), "")
			}
			golden(t, "testdata/golden/"+name+".txt", textOf(found))
		})
	}
	for _, name := range []string{"conditions", "fields", "duplicates", "coverage", "two_sources", "open_quote", "inner_quotes", "bare_expression", "open_heredoc", "escape", "made"} {
		texts(name, "testdata/bad/"+name+".hcl", fakeSystems())
	}
	for _, name := range []string{"dollar", "nonsense", "constants", "contradictions", "percent", "sentences", "settings", "unquoted", "curly_quotes", "values"} {
		texts("real_"+name, "testdata/real/"+name+".hcl", realSystems())
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("LOCKSTEP_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func ExampleDiagnostics_WriteText() {
	_, found := Load(context.Background(), "testdata/nothing", Options{})
	found.WriteText(os.Stdout, false)
	// Output:
	// testdata/nothing: error: cannot read the configuration directory: no such file or directory
	// Name a directory that holds *.hcl files.
}

// TestDiagnosticsOfHostileText: what a terminal would carry out is shown, and the
// caret stands under the shown text, below what it marks too.
func TestDiagnosticsOfHostileText(t *testing.T) {
	d := Diagnostics{{
		Severity: SeverityError, File: "a\x1b.hcl", Line: 1, Column: 8, Width: 3, Source: "\u202e\ta = \x1b\"b\" # \u009b",
		Summary: "no \x1b[2J", Detail: "write\nthis\u2066",
	}}
	for _, color := range []bool{false, true} {
		var b strings.Builder
		d.WriteText(&b, color)
		got := strings.NewReplacer(bold, "", red, "", "\x1b[0m", "").Replace(b.String())
		want := `a\u001b.hcl:1:8: error: no \u001b[2J
\u202e	a = \u001b"b" # \u009b
      	          ^^^
write
this\u2066
`
		if got != want {
			t.Errorf("color %t:\n%s\nwant:\n%s", color, got, want)
		}
	}
}

func TestDiagnosticPlaces(t *testing.T) {
	for _, test := range []struct{ source, want string }{
		{"a = x", "    ^"},
		{"\ta = x", "\t    ^"},
		{"a = 漢字 x", "    \u3000\u3000 ^"},
		{"é = x", "    ^"},
		{"\"\u202e\" x", "         ^"},
		{"\x1b[31m x", "           ^"},
		{"\u009b\t x", "      \t ^"},
	} {
		// What stands in the line above, as it is shown, is as wide.
		column := graphemes(test.source[:strings.Index(test.source, "x")]) + 1
		before, marked := caretLine(test.source, column, 1)
		if got := fmt.Sprint(before, marked); got != test.want {
			t.Errorf("caretLine(%q) = %q, want %q", test.source, got, test.want)
		}
	}
}
