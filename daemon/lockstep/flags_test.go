package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func noEnv(string) (string, bool) { return "", false }

func testApp() *app {
	return newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, noEnv)
}

func TestNormalize(t *testing.T) {
	tests := []struct{ args, want string }{
		{"check -json dir", "check --json dir"},
		{"check --json dir", "check --json dir"},
		{"check dir -json", "check dir --json"},
		{"check -json=false", "check --json=false"},
		{"check -var a=-json -strict", "check --var a=-json --strict"},
		{"check -var -strict -strict", "check --var -strict --strict"},
		{"check -var=a=b=c", "check --var=a=b=c"},
		{"check -- -json", "check -- -json"},
		{"check -json -- -strict", "check --json -- -strict"},
		{"explain -record - dir", "explain --record - dir"},
		{"explain -record -", "explain --record -"},
		{"run -listen :0 -data d", "run --listen :0 --data d"},
		{"links -admin x show -json l1", "links --admin x show --json l1"},
		{"dead retry -admin x 1 2", "dead retry --admin x 1 2"},
		{"-help", "--help"},
		{"check -h", "check --help"},
		{"links show -help", "links show --help"},
		{"help check", "help check"},
		{"fmt -", "fmt -"},
		{"explain -record", "explain --record"},
		{"__complete check -j", "__complete check -j"},
		{"__complete links -route in", "__complete links --route in"},
		{"__complete links -rout -x ", "__complete links -rout -x "},
		{"decisions -f -route r INC-1", "decisions --follow --route r INC-1"},
		{"", ""},
	}
	for _, tt := range tests {
		got, err := normalize(testApp().root(), strings.Fields(tt.args))
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if want := strings.Fields(tt.want); !cmp.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: got %q, want %q", tt.args, got, want)
		}
	}
}

func TestUnknownFlags(t *testing.T) {
	for args, want := range map[string]string{
		"check -jsn":          `"lockstep check" has no flag -jsn; did you mean "-json"?`,
		"check --stric":       `did you mean "-strict"?`,
		"check -frobnicate":   `"lockstep check" has no flag -frobnicate` + "\n",
		"-json check":         `"lockstep" has no flag -json`,
		"links show -adminn":  `did you mean "-admin"?`,
		"run -record x":       `"lockstep run" has no flag -record`,
		"status -admn=unix:x": `did you mean "-admin"?`,
	} {
		_, err := normalize(testApp().root(), strings.Fields(args))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
}

func TestVarFlags(t *testing.T) {
	got, err := (&varFlags{pairs: []string{"a=1", "b=x=y", "c="}}).values()
	if err != nil || !cmp.Equal(got, map[string]string{"a": "1", "b": "x=y", "c": ""}) {
		t.Errorf("values %v, %v", got, err)
	}
	for _, bad := range []string{"a", "=1", ""} {
		if _, err := (&varFlags{pairs: []string{bad}}).values(); err == nil {
			t.Errorf("-var %q was taken", bad)
		}
	}
}
