package jira_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestTextsComeBack: what was written to a text comes back as it was resolved,
// so that it is never taken for somebody's edit; also after it was read and
// written again. TestLongText has one that is cut.
func TestTextsComeBack(t *testing.T) {
	pieces := []string{
		"a", "b c", " ", "\n", "\n\n", "*", "**", "_", "~~", "`", "```\n", "[", "](https://x.example)", "<", ">", "https://y.example/a_b*c", "# ", "\\", "\\*",
		"- ", "  - ", "1. ", "> ", "    ", "é", "😀", "!", "&amp;", "|", "| --- |\n", "---\n", "<br>", "<b>", "- [ ] ", "@Ann",
	}
	rapid.Check(t, func(r *rapid.T) {
		_, c := site(t)
		in := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 20).Draw(r, "pieces"), "")
		wanted := resolved(t, c, map[string]any{"description": in, "custom_fields/Notes": in})
		record := create(t, c, key, wanted)
		notes := record.Fields["customfield_10023"]
		for name, have := range map[string]any{"description": record.Fields["description"], "custom_fields/Notes": notes} {
			want := wanted[name]
			if want == "" {
				want = nil
			}
			if have != want {
				r.Fatalf("%s: %q came back as %q", name, want, have)
			}
			if !c.Same("issue", name, in, have) && have != nil || !c.Same("issue", name, want, have) {
				r.Fatalf("%s: %q is not the same as %q", name, have, in)
			}
		}
		if have := record.Fields["description"]; have != nil {
			answer := update(t, c, record.Ref, "ls-2", map[string]any{"description": have})
			if answer.Fields["description"] != have {
				r.Fatalf("%q, written again, came back as %q", have, answer.Fields["description"])
			}
		}
	})
}
