package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const original = `package p

const most = 7

func f(a, b int, ok bool) (int, error) {
	if a < b && ok {
		return a + b, nil
	}
	switch {
	case a == b:
		count++
	}
	for a != b {
		x = a
		break
	}
	log.Debug("said", a == b)
	do(a)
	return 0, err
}

func g() error {
	return do(true)
}

var text = "a" + "b"
`

func TestMutantsOf(t *testing.T) {
	found, err := mutantsOf("p.go", []byte(original))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		was, _, _ := strings.Cut(original[m.from:], "\n")
		is, _, _ := strings.Cut(string(m.apply([]byte(original)))[m.from:], "\n")
		got = append(got, m.what+": "+was+" -> "+is)
	}
	want := []string{
		"7 is 8: 7 -> 8",
		"the condition is negated: a < b && ok { -> !(a < b && ok) {",
		"< is <=: < b && ok { -> <= b && ok {",
		"&& is ||: && ok { -> || ok {",
		"+ is -: + b, nil -> - b, nil",
		"the condition is negated: a == b: -> !(a == b):",
		"== is !=: == b: -> != b:",
		"the statement is left out: count++ -> {}",
		"the condition is negated: a != b { -> !(a != b) {",
		"!= is ==: != b { -> == b {",
		"the assignment is left out: x = a -> {}",
		"break is continue: break -> continue",
		"the call of do is left out: do(a) -> {}",
		"0 is 1: 0, err -> 1, err",
		"the error is swallowed: err -> nil",
		"g does nothing: return do(true) -> return nil",
		"true is false: true) -> false)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		output string
		passed bool
		fate   fate
		by     string
	}{
		{"ok  \tp\t0.1s\n", true, survived, ""},
		{"# p\n./x.go:1:1: declared and not used: a\nFAIL\tp [build failed]\n", false, unviable, ""},
		{"--- FAIL: TestX (0.00s)\n    --- FAIL: TestX/a (0.00s)\nFAIL\n", false, killed, "TestX"},
		{"panic: test timed out after 1s\n", false, killed, "timed out"},
		{"panic: oh\n\ngoroutine 1\nFAIL\tp\t0.1s\n", false, killed, "the tests end"},
	} {
		if fate, by := judge(tt.output, tt.passed); fate != tt.fate || by != tt.by {
			t.Errorf("%q: %d %q", tt.output, fate, by)
		}
	}
}

// A module of its own, with one test that notices one of two changes.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module example.com/p\n\ngo 1.26\n",
		"p.go":      "package p\n\nfunc less(a, b int) bool { return a < b }\n\nfunc both(a, b bool) bool { return a && b }\n",
		"p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestP(t *testing.T) {\n\tif less(1, 1) || !both(true, true) {\n\t\tt.Fail()\n\t}\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := os.ReadFile(filepath.Join(dir, "p.go"))
	o := options{seed: 1, budget: time.Hour, only: regexp.MustCompile(""), dirs: []string{dir}}
	var report strings.Builder
	if err := run(t.Context(), o, &report); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"killed    " + dir + "/p.go:3:37: < is <= (TestP)\n", "SURVIVED  " + dir + "/p.go:5:38: && is ||\n",
		"2 of 2 places: 1 killed, 1 survived (seed 1)\n",
	} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("the report has no %q:\n%s", want, report.String())
		}
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "p.go")); string(after) != string(before) {
		t.Error("the file was changed")
	}
	report.Reset()
	o.only = regexp.MustCompile(`&&`)
	if err := run(t.Context(), o, &report); err != nil || strings.Contains(report.String(), "< is") {
		t.Errorf("%v\n%s", err, report.String())
	}
	if err := os.WriteFile(filepath.Join(dir, "q_test.go"), []byte("package p\n\nimport \"testing\"\n\nfunc TestQ(t *testing.T) { t.Fail() }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o, &report); err == nil || !strings.Contains(err.Error(), "TestQ") {
		t.Errorf("tests that fail without a change: %v", err)
	}
	o.dirs = []string{t.TempDir()}
	if err := run(t.Context(), o, &report); err == nil {
		t.Error("a directory without files passes")
	}
}
