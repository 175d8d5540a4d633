package source

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := errors.Join(os.WriteFile(file, []byte("12345678"), 0o600), syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if content, err := Read(t.Context(), file, 8); err != nil || string(content) != "12345678" {
		t.Errorf("%q, %v", content, err)
	}
	if _, err := Read(t.Context(), file, 7); !errors.Is(err, ErrTooLarge) {
		t.Errorf("larger than asked for: %v", err)
	}
	if _, err := Read(t.Context(), filepath.Join(dir, "none"), 8); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), dir) {
		t.Errorf("missing: %v", err)
	}
	for _, path := range []string{filepath.Join(dir, "pipe"), dir, "/dev/zero"} {
		if _, err := Read(t.Context(), path, 8); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	// A person may name a pipe; one without a writer is empty.
	if content, err := ReadInput(t.Context(), filepath.Join(dir, "pipe"), 8); err != nil || len(content) != 0 {
		t.Errorf("pipe: %q, %v", content, err)
	}
	writer, err := os.OpenFile(filepath.Join(dir, "pipe"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ReadInput(ctx, filepath.Join(dir, "pipe"), 8); err == nil {
		t.Error("it waits for a writer though its context has ended")
	}
}

func TestWithin(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	link := func(name, to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	link("in", "a/b")
	link("out", outside)
	link("up", "..")
	link("a/b/up", "../..")
	link("gone", outside+"/none")
	link("loop", "loop")
	for path, want := range map[string]bool{
		".": true, "a": true, "a/none": true, "in/none": true, "a/../a": true, "a/b/up/a": true, "in/up": true,
		"..": false, "out": false, "out/none": false, "up": false, "up/x": false, "gone": false, "in/up/../x": false, "a/b/up/..": false,
	} {
		if got, err := Within(dir, dir+"/"+path); err != nil || got != want {
			t.Errorf("%s: %t, %v", path, got, err)
		}
	}
	if _, err := Within(dir, dir+"/loop/x"); !errors.Is(err, ErrLinks) {
		t.Errorf("loop: %v", err)
	}
}

// FuzzParse parses arbitrary bytes: whatever they are, neither stack nor time runs
// out, and what is wrong has a place in them.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a = [[[1]]]\n", "a = \"${\"${b}\"}\"\n", "a = <<E\n${b}\nE\n", "a = !!!-1\n", "a { b { c = 1 } }\n", "a = \"%{if b}x%{else}y%{endif}\"\n",
		"a = 1e400\n", "\xff\xfea\x00", "\xef\xbb\xbfa = 1\n", "a = b[0][*].c ? d : e\n", strings.Repeat("(", 300), strings.Repeat("a = 1 +", 3000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		f, diags := Parse(src, "x.hcl")
		body := f.Body
		if body == nil {
			t.Fatal("no body")
		}
		for _, d := range diags {
			if d.Summary == "" || d.Subject != nil && (d.Subject.Start.Line < 1 || d.Subject.Start.Byte > len(src)) {
				t.Errorf("%+v", d)
			}
		}
		// What is let through is nested no deeper than was counted.
		if diags.HasErrors() {
			return
		}
		depth := 0
		_ = hclsyntax.Walk(body, &deepest{most: &depth})
		if depth > 4*maxChain {
			t.Errorf("the tree is %d deep", depth)
		}
	})
}

type deepest struct {
	at   int
	most *int
}

func (d *deepest) Enter(hclsyntax.Node) hcl.Diagnostics {
	d.at++
	*d.most = max(*d.most, d.at)
	return nil
}

func (d *deepest) Exit(hclsyntax.Node) hcl.Diagnostics {
	d.at--
	return nil
}

// FuzzJSON holds that what is let through is nested no deeper than is said, and
// that nothing else is refused.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"{}", `{"a":[1,"]"]}`, `"\\""`, strings.Repeat("[", 300), `["\"[[["]`, "]]]]", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := JSON(data)
		var v any
		if json.Unmarshal(data, &v) != nil {
			return
		}
		if got := depthOf(v); (err != nil) != (got > MaxDepth) {
			t.Errorf("depth %d: %v", got, err)
		}
	})
}

func depthOf(v any) int {
	most := 0
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			most = max(most, depthOf(e))
		}
	case map[string]any:
		for _, e := range v {
			most = max(most, depthOf(e))
		}
	default:
		return 0
	}
	return most + 1
}

// TestComments: a file reads with its comments as the parser alone reads it, and
// what the parser is given has none that end with their line.
func TestComments(t *testing.T) {
	for _, content := range []string{
		"", "#", "# a", "# a\n", "#a\r\nb = 1 # c\r\n", "# a \r b\nc = 1\n", "a = 1 // é\nb = 2 # 漢\n",
		"a = /* é */ 1\nb = /* x\ny */ 2\n", "/* # */ a = 1 # /* \nb = 2 # */\n", "a = [ # one\n 1, // two\n # three\n 2 ] # four",
		"a = \"# no ${ 1 # yes\n} //\"\n", "a = <<E\n# no\nE\nb {\n # c\n}\n", "a = \"x # y\n# z\n", "/* open\na = 1\n", "# a\n%%\n# b\n",
	} {
		want, wantDiags := hclsyntax.ParseConfig([]byte(content), "x.hcl", hcl.InitialPos)
		got, diags := Parse([]byte(content), "x.hcl")
		if got, want := nodes(got.Body), nodes(want.Body.(*hclsyntax.Body)); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", content, got, want)
		}
		if len(diags) != len(wantDiags) {
			t.Errorf("%q: got %v, want %v", content, diags, wantDiags)
		}
		for i := range min(len(diags), len(wantDiags)) {
			if got, want := diags[i].Subject.String()+diags[i].Summary, wantDiags[i].Subject.String()+wantDiags[i].Summary; got != want {
				t.Errorf("%q: got %s, want %s", content, got, want)
			}
		}
		lexed, _ := hclsyntax.LexConfig([]byte(content), "x.hcl", hcl.InitialPos)
		code, blanked := withoutComments([]byte(content), lexed)
		for _, rest := range []struct {
			of   []byte
			keep string
		}{{code, "none"}, {blanked, "/*"}} {
			lexed, _ := hclsyntax.LexConfig(rest.of, "x.hcl", hcl.InitialPos)
			for _, token := range lexed {
				if token.Type == hclsyntax.TokenComment && !strings.HasPrefix(string(token.Bytes), rest.keep) {
					t.Errorf("%q: %q is left in %q", content, token.Bytes, rest.of)
				}
			}
		}
	}
}

// nodes returns the positions of all nodes in a body, but not its own: that of a
// file begins at its first token, which may be a comment.
func nodes(body *hclsyntax.Body) []string {
	var all []string
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n.(type) {
		case hclsyntax.Attributes, hclsyntax.Blocks: // the position of one of them
		default:
			if n != hclsyntax.Node(body) {
				all = append(all, n.Range().String())
			}
		}
		return nil
	})
	slices.Sort(all) // attributes are visited in no order
	return all
}
