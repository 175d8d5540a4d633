package expr

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/text/unicode/norm"
)

// TestPositions compiles conditions in which "nope" is the mistake, and looks
// for the place where it is reported. Lines and columns are what hcl itself
// counts.
func TestPositions(t *testing.T) {
	env := testEnv(t)
	for _, tt := range []struct {
		name, src string
		line, col int
		at        string // what the range covers
	}{
		{"quoted", `when = "state == 'x' && nope"`, 1, 25, "nope"},
		{"escaped quotes", `when = "state == \"q\" && nope"`, 1, 27, "nope"},
		{"unicode escape", `when = "state == 'q\u00e9' && nope"`, 1, 31, "nope"},
		{"long unicode escape", `when = "state == '\U0001F600' && nope"`, 1, 34, "nope"},
		{"escaped interpolation", `when = "state == '$${a}' && nope"`, 1, 29, "nope"},
		{"escaped directive", `when = "state == '%%{a}' && nope"`, 1, 29, "nope"},
		{"dollar alone", `when = "state == '$a' && nope"`, 1, 26, "nope"},
		{"multibyte", `when = "state == 'éß' && nope"`, 1, 26, "nope"},
		{"emoji", `when = "state == '👩‍👩‍👧' && nope"`, 1, 25, "nope"},
		{"decomposed", "when = \"state == 'e\u0301' && nope\"", 1, 25, "nope"},
		{"tab", "when = \"state == 'x'\t&& nope\"", 1, 25, "nope"},
		{"escaped newline", `when = "state == 'x' &&\n nope"`, 1, 27, "nope"},
		{"heredoc", "when = <<EOT\n  state == 'é👩‍👩‍👧' &&\n     nope\nEOT\n", 3, 6, "nope"},
		{"flush heredoc", "  when = <<-EOT\n    state == 'é' &&\n      nope\n  EOT\n", 3, 7, "nope"},
		{"flush heredoc with tabs", "when = <<-EOT\n\t\tstate == 'é' &&\n\t\t\tnope\n\tEOT\n", 3, 4, "nope"},
		{"flush heredoc with blank line", "when = <<-EOT\n    state == 'x' &&\n\n      nope\n  EOT\n", 4, 7, "nope"},
		{"heredoc takes backslashes as they are", "when = <<EOT\nstate == '\\\\' && nope\nEOT\n", 2, 18, "nope"},
		{"CRLF", "when = <<EOT\r\nstate == 'x' &&\r\n  nope\r\nEOT\r\n", 3, 3, "nope"},
		{"flush CRLF", "when = <<-EOT\r\n  state == 'x' &&\r\n    nope\r\n  EOT\r\n", 3, 5, "nope"},
		{"after an interpolation", `when = "state == '${var.x}' && nope"`, 1, 32, "nope"},
		{"between interpolations", `when = "state == '${var.x}' && nope && ${var.yes}"`, 1, 32, "nope"},
		{"interpolation with strings in it", `when = "state == '${upper("a}")}' && nope"`, 1, 38, "nope"},
		{"heredoc with interpolation", "when = <<-EOT\n    state == '${var.x}' &&\n      nope\n  EOT\n", 3, 7, "nope"},
		{"mistake from an interpolation", `when = "true && ${var.cond}"`, 1, 17, "${var.cond}"},
		{"whole interpolation", `when = "${var.cond}"`, 1, 8, `"${var.cond}"`},
		{"reference", `when = var.cond`, 1, 8, `var.cond`},
		{"parentheses", `when = ("true && nope")`, 1, 18, "nope"},
		{"directive", `when = "%{ if var.yes }true && %{ endif }nope"`, 1, 42, "nope"},
		{"across a directive", "when = \"true %{ if var.yes }&& nope%{ endif }\"", 1, 14, "%{ if var.yes }&& nope%{ endif }"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := parseText(t, tt.src)
			_, diags := env.Condition(text)
			if len(diags) != 1 {
				t.Fatalf("%d diagnostics: %v", len(diags), diags)
			}
			at := *diags[0].Subject
			if got := string(at.SliceBytes([]byte(tt.src))); got != tt.at || at.Start.Line != tt.line || at.Start.Column != tt.col {
				t.Errorf("%d:%d %q, want %d:%d %q (%s)", at.Start.Line, at.Start.Column, got, tt.line, tt.col, tt.at, diags[0].Summary)
			}
			if at.Filename != "t.hcl" {
				t.Errorf("file %q", at.Filename)
			}
		})
	}
}

func TestTextValues(t *testing.T) {
	for src, want := range map[string]string{
		`a = "x"`:                             "x",
		`a = ""`:                              "",
		`a = 3`:                               "3",
		`a = "${var.n}"`:                      "3",
		`a = "n ${~ var.n ~} n"`:              "n3n",
		"a = <<-EOT\n    x\n      y\n  EOT\n": "x\n  y\n",
		"a = \"e\u0301\"":                     "é",
	} {
		if got := parseText(t, src).Value(); got != want {
			t.Errorf("%s: %q, want %q", src, got, want)
		}
	}
	for _, src := range []string{`a = null`, `a = ["x"]`, `a = {}`, `a = var.none`} {
		if _, diags := tryText(t, src); !diags.HasErrors() {
			t.Errorf("%s: no error", src)
		}
	}
}

func TestSpanOutside(t *testing.T) {
	text := parseText(t, `a = "xy"`)
	for _, tt := range []struct{ from, to, start, end int }{
		{0, 2, 5, 7}, {1, 9, 6, 7}, {2, 2, 7, 7}, {9, 9, 7, 7}, {-1, 1, 5, 6}, {1, 0, 6, 6},
	} {
		got := text.Span(tt.from, tt.to)
		if got.Start.Byte != tt.start || got.End.Byte != tt.end {
			t.Errorf("Span(%d, %d) = %d–%d, want %d–%d", tt.from, tt.to, got.Start.Byte, got.End.Byte, tt.start, tt.end)
		}
	}
	if got := parseText(t, `a = ""`).Span(0, 0); got.Start.Byte != 5 || got.Start.Column != 6 {
		t.Errorf("empty text: %v", got)
	}
}

func TestSensitiveText(t *testing.T) {
	env := testEnv(t)
	text := parseText(t, `when = "'${var.secret}' == nope"`)
	if !text.Sensitive() {
		t.Fatal("not sensitive")
	}
	_, diags := env.Condition(text)
	if !diags.HasErrors() {
		t.Fatal("no error")
	}
	for _, d := range diags {
		if strings.Contains(d.Summary+d.Detail, "hunter2") {
			t.Errorf("%s: %s", d.Summary, d.Detail)
		}
	}
	c, diags := env.Condition(parseText(t, `when = "incident.name == '${var.secret}'"`))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got := c.Source(); got != "(sensitive)" {
		t.Errorf("source %q", got)
	}
	c, diags = env.Condition(parseText(t, `when = "local.urgency['${var.secret}'] == 1"`))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if _, err := c.Eval(fullVars()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

// FuzzSourceMap holds for every string attribute that hcl parses: each rune
// lies where its place says, in order.
func FuzzSourceMap(f *testing.F) {
	for _, s := range []string{
		`a = "x \" é \u00e9 $${b} %%{c}"`, "a = <<-EOT\n\t  x\n\t   y\n\n  z\nEOT\n", "a = <<EOT\r\n x\r\nEOT\r\n",
		`a = "x ${"y"} z"`, `a = "x ${~ 1 ~} z"`, "a = <<-EOT\n  ${1}\n   x ${2}\n EOT\n", "a = \"e\u0301 \u1100\u1161\"", `a = "$$$${x}"`,
		`a = "%{ if true }x%{ else }y%{ endif }"`, `a = "\U0001F600\n"`, "a = <<-EOT\n  %{ for x in [1] ~}\n   x\n  %{ endfor ~}\n EOT\n",
	} {
		f.Add(s)
	}
	exponent := regexp.MustCompile(`[0-9][eE]`)
	f.Fuzz(func(t *testing.T, src string) {
		// cty writes 1e9999999 out, which takes it half a minute.
		if len(src) > 2000 || exponent.MatchString(src) {
			return
		}
		file, diags := hclsyntax.ParseConfig([]byte(src), "f", hcl.InitialPos)
		if diags.HasErrors() {
			return
		}
		attrs, _ := file.Body.JustAttributes()
		for _, attr := range attrs {
			text, diags := NewText(attr.Expr, nil, []byte(src))
			if diags.HasErrors() {
				continue
			}
			checkMap(t, src, attr.Expr, text)
		}
	})
}

var escapes = map[string]rune{`\n`: '\n', `\t`: '\t', `\r`: '\r', `\"`: '"', `\\`: '\\', `$$`: '$', `%%`: '%'}

func checkMap(t *testing.T, src string, e hcl.Expression, text *Text) {
	t.Helper()
	if len(text.spans) != len(text.runes) || len(text.runes) != utf8.RuneCountInString(text.Value()) {
		t.Fatalf("%d places for %d runes of %q", len(text.spans), len(text.runes), src)
	}
	whole := e.Range()
	last := span{whole.Start.Byte, whole.Start.Byte}
	for i, s := range text.spans {
		if s.from < whole.Start.Byte || s.to > whole.End.Byte || s.to < s.from {
			t.Fatalf("rune %d of %q is out of range: %v in %v", i, src, s, whole)
		}
		if s.from < last.from || s.to < last.to {
			t.Fatalf("rune %d of %q is before the one before it", i, src)
		}
		last = s
		raw := src[s.from:s.to]
		if utf8.RuneCountInString(raw) == 1 && norm.NFC.String(raw) != string(text.runes[i]) {
			t.Fatalf("rune %d of %q is %q at %q", i, src, text.runes[i], raw)
		}
		if want, ok := escapes[raw]; ok && want != text.runes[i] {
			t.Fatalf("rune %d of %q is %q at %q", i, src, text.runes[i], raw)
		}
		if r := text.Span(i, i+1); r.Start.Byte != s.from || r.End.Byte != s.to || r.Start.Line < 1 || r.Start.Column < 1 {
			t.Fatalf("Span(%d) of %q is %v", i, src, r)
		}
	}
}
