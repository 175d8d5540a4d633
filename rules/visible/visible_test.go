package visible

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"": "",
		"plain, ünïcode, 日本語, 👩‍💻":    "plain, ünïcode, 日本語, 👩‍💻",
		"two\nlines\tand a tab":       "two\nlines\tand a tab",
		"\x1b]0;title\a":              `\u001b]0;title\u0007`,
		"\x1b[2J":                     `\u001b[2J`,
		"c1 \u009b31m":                `c1 \u009b31m`,
		"back\rover":                  `back\rover`,
		"\b\x7f\x00":                  `\u0008\u007f\u0000`,
		"bidi \u202egnp.exe \u2066x":  `bidi \u202egnp.exe \u2066x`,
		"\u200e\u200f\u061c\ufeff":    `\u200e\u200f\u061c\ufeff`,
		"line\u2028paragraph\u2029":   `line\u2028paragraph\u2029`,
		"tag \U000e0041":              `tag \udb40\udc41`,
		"not UTF-8 \x9b31m \xff\xc3":  `not UTF-8 \x9b31m \xff\xc3`,
		"said to be broken: \ufffd":   "said to be broken: \ufffd",
		`already \u001b, and \x9b`:    `already \u001b, and \x9b`,
		"Persian می\u200cخواهم stays": "Persian می\u200cخواهم stays",
	} {
		if got := Text(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
	if got, want := Line("a\nb\tc\r\x1b"), `a\nb\tc\r\u001b`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// carriedOut returns the first character of a text that is not merely shown.
func carriedOut(s string) (rune, bool) {
	for i, r := range s {
		_, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r != '\n' && r != '\t' && r != '\u200c' && r != '\u200d' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			return r, true
		}
	}
	return 0, false
}

// FuzzWriter: however text is cut into pieces, what comes out is Text of the
// whole; it holds nothing that is carried out, and JSON stays the same value.
func FuzzWriter(f *testing.F) {
	f.Add("a\x1b[31mü\u202e\u009b\U000e0041\xff\xe2\x80", 2)
	f.Add(`{"a":"\u001b"}`, 3)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		var b bytes.Buffer
		w := NewWriter(&b)
		piece = max(1, min(piece, 7))
		for rest := text; rest != ""; {
			n := min(piece, len(rest))
			if wrote, err := w.Write([]byte(rest[:n])); wrote != n || err != nil {
				t.Fatal(wrote, err)
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if got, want := b.String(), Text(text); got != want {
			t.Errorf("in pieces %q, whole %q", got, want)
		}
		if r, bad := carriedOut(b.String()); bad {
			t.Errorf("%q stands in %q", r, b.String())
		}
		if again := Text(b.String()); again != b.String() {
			t.Errorf("escaped twice: %q", again)
		}
		encoded, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			t.Fatal(err)
		}
		var before, after any
		if json.Unmarshal(encoded, &before) != nil || json.Unmarshal([]byte(Text(string(encoded))), &after) != nil || before.(map[string]any)["text"] != after.(map[string]any)["text"] {
			t.Errorf("%s is no longer what it was: %s", encoded, Text(string(encoded)))
		}
	})
}

func TestStyled(t *testing.T) {
	var b bytes.Buffer
	for _, w := range []interface{ Write(p []byte) (int, error) }{NewWriter(&b), &b} {
		b.Reset()
		Styled(w, "\x1b[1m", "a\x1b[31mb")
		if got, want := b.String(), "\x1b[1ma\\u001b[31mb\x1b[0m"; got != want {
			t.Errorf("%T: %q, want %q", w, got, want)
		}
	}
	if strings.Contains(Text("\x1b"), "\x1b") {
		t.Error("an escape came through")
	}
}
