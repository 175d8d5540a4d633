package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	const rules = "# a comment\n\n\\bhauls?\\b\twrite transfer\n\\bis no duration\\b\twrite is not a valid duration\n"
	const source = `package a

// A haul is something.
var keepHaul = 1

var message = "x is no duration"

var whaul = "shauls"
`
	for name, test := range map[string]struct {
		file, content string
		want          []string
	}{
		"Go":       {"a.go", source, []string{"a.go:3:6:", "a.go:4:10:", "a.go:6:18:"}},
		"Markdown": {"README.md", "# It\n\nEach haul is done.\n", []string{"README.md:3:6:"}},
		"data":     {"a.txt", "a haul\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, test.file), []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			found, err := run(&out, rules, []string{dir})
			if err != nil {
				t.Fatal(err)
			}
			if found != len(test.want) {
				t.Errorf("found %d, want %d:\n%s", found, len(test.want), out.String())
			}
			for _, want := range test.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no finding at %s in:\n%s", want, out.String())
				}
			}
		})
	}
}

func TestTestDataIsNotRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "testdata")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.md"), []byte("a haul\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := run(&strings.Builder{}, "haul\tx\n", []string{filepath.Dir(dir)})
	if err != nil || found != 0 {
		t.Errorf("found %d, %v; want none", found, err)
	}
}

func TestRulesThatDoNotParse(t *testing.T) {
	for name, text := range map[string]string{"no tab": "haul\n", "expression": "(\tx\n"} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseRules(text); err == nil || !strings.Contains(err.Error(), "words.txt:1") {
				t.Errorf("got %v, want an error at words.txt:1", err)
			}
		})
	}
}

func TestTheListItself(t *testing.T) {
	if _, err := parseRules(list); err != nil {
		t.Error(err)
	}
}
