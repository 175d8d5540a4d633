package incidentio

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

func TestUnmarked(t *testing.T) {
	for _, test := range []struct{ text, rest, marker string }{
		{"Hello\n\n`lockstep ls-1a`", "Hello", "ls-1a"},
		{"Hello\r\n\r\n`lockstep ls-1a`\r\n", "Hello", "ls-1a"},
		{"Hello\n_lockstep ls-1a_", "Hello", "ls-1a"},
		{"Hello\n\nlockstep ls-1a  ", "Hello", "ls-1a"},
		{"    code\n\n`lockstep ls-1a`", "    code", "ls-1a"},
		{"`lockstep ls-1a`", "", "ls-1a"},
		{"quoted\n\n`lockstep ls-1a`\n\n`lockstep ls-2b`", "quoted\n\n`lockstep ls-1a`", "ls-2b"},
		{"`lockstep ls-1a`\n\nI quote that", "", ""},
		{"see `lockstep ls-1a`", "", ""},
		{"lockstep LS-1", "", ""},
		{"lockstep two words", "", ""},
		{"lockstep ", "", ""},
		{"lockstep " + strings.Repeat("a", 41), "", ""},
		{"lockstep", "", ""},
		{"", "", ""},
	} {
		rest, marker := unmarked(test.text)
		if test.marker == "" {
			test.rest = test.text
		}
		if rest != test.rest || marker != test.marker {
			t.Errorf("%q: %q, %q", test.text, rest, marker)
		}
	}
}

// FuzzUnmarked: what was marked has the same marker and text; what has none
// stays as it is.
func FuzzUnmarked(f *testing.F) {
	for _, text := range []string{"", "a", "a\n\n`lockstep x`", "```\ncode", " \n\t", "lockstep a", "\r\n", "a\r", "\u2028`lockstep a`"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const marker = "ls-0123456789abcdef0123"
		rest, found := unmarked(marked(text, marker))
		if rest != values.TrimLines(text) || found != marker {
			t.Errorf("%q came back as %q, %q", text, rest, found)
		}
		rest, found = unmarked(text)
		if found == "" && rest != text {
			t.Errorf("%q has no marker and became %q", text, rest)
		}
		if found != "" && (!connectors.IsMarker(found) || !strings.Contains(text, found) || !strings.HasPrefix(values.TrimLines(text), rest)) {
			t.Errorf("%q: %q, %q", text, rest, found)
		}
	})
}
