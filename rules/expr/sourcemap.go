package expr

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/apparentlymart/go-textseg/v15/textseg"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"golang.org/x/text/unicode/norm"
)

// advance returns the position after text that begins at from. As hcl does, it
// counts columns in grapheme clusters.
func advance(from hcl.Pos, text []byte) hcl.Pos {
	pos := hcl.Pos{Line: from.Line, Column: from.Column, Byte: from.Byte + len(text)}
	for {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			break
		}
		pos.Line++
		pos.Column = 1
		text = text[i+1:]
	}
	pos.Column += columns(text)
	return pos
}

// columns counts the characters of a line as people see them. Those of ASCII are each one,
// and to find the borders of the others takes long.
func columns(line []byte) int {
	if !bytes.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf || r == '\r' }) {
		return len(line)
	}
	n, _ := textseg.TokenCount(line, textseg.ScanGraphemeClusters)
	return n
}

// places are positions that are known: to count from the start of a long text for
// each of its expressions would take the square of its length.
type places struct {
	mu    sync.Mutex
	known []hcl.Pos // in order
}

// apart is how far known positions are from each other, at least.
const apart = 4 << 10 // bytes

// pos returns the position of byte b of a file, in a string that begins at from.
func (p *places) pos(from hcl.Pos, file []byte, b int) hcl.Pos {
	if b-from.Byte < apart {
		return advance(from, file[from.Byte:b])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) == 0 {
		p.known = []hcl.Pos{from}
	}
	for last := p.known[len(p.known)-1]; b-last.Byte >= 2*apart; last = p.known[len(p.known)-1] {
		next := last.Byte
		for next < last.Byte+apart { // only whole characters can be counted on from
			n, _, err := textseg.ScanGraphemeClusters(file[next:], true)
			next += n
			if err != nil || n <= 0 {
				next++
			}
		}
		p.known = append(p.known, advance(last, file[last.Byte:next]))
	}
	i, _ := slices.BinarySearchFunc(p.known, b, func(known hcl.Pos, b int) int { return cmp.Compare(known.Byte, b+1) })
	last := p.known[max(i-1, 0)]
	return advance(last, file[last.Byte:b])
}

// isQuoted tells a quoted template from a heredoc.
func isQuoted(t *hclsyntax.TemplateExpr, file []byte) bool {
	at := t.Range().Start.Byte
	return at < len(file) && file[at] == '"'
}

// templateSpans maps the runes of a template's value to the file. It fails
// where the parts do not make up the value.
func templateSpans(t *hclsyntax.TemplateExpr, ctx *hcl.EvalContext, file []byte) ([]span, bool) {
	if t.Range().End.Byte > len(file) {
		return nil, false
	}
	quoted := isQuoted(t, file)
	var spans []span
	at := t.Range().Start.Byte // the end of the part before
	if quoted {
		at++
	}
	for i, part := range t.Parts {
		if lit, ok := part.(*hclsyntax.LiteralValueExpr); ok && lit.Val.Type() == cty.String {
			spans = append(spans, literalSpans(lit, file, quoted)...)
			at = lit.SrcRange.End.Byte
			continue
		}
		v, diags := part.Value(ctx)
		if diags.HasErrors() {
			return nil, false
		}
		v, _ = v.UnmarkDeep()
		v, err := convert.Convert(v, cty.String)
		if err != nil || v.IsNull() || !v.IsKnown() {
			return nil, false
		}
		whole := interpolation(t, i, at, file)
		for range []rune(v.AsString()) {
			spans = append(spans, whole)
		}
		at = whole.to
	}
	return spans, true
}

// interpolation returns the place of part i, which is not a literal: all between
// the end of the part before and the next literal, less what hcl trimmed.
func interpolation(t *hclsyntax.TemplateExpr, i, at int, file []byte) span {
	r := t.Parts[i].Range()
	from, to := r.Start.Byte, r.End.Byte
	if open := bytes.LastIndex(file[min(at, from):from], []byte("${")); open >= 0 {
		from = min(at, from) + open
	} else if open := bytes.LastIndex(file[min(at, from):from], []byte("%{")); open >= 0 {
		from = min(at, from) + open
	}
	limit := t.Range().End.Byte
	if i+1 < len(t.Parts) {
		limit = t.Parts[i+1].Range().Start.Byte
	}
	if to <= limit {
		rest := file[to:limit]
		blank := len(rest) - len(bytes.TrimLeft(rest, " \t\r\n~"))
		if blank < len(rest) && rest[blank] == '}' {
			to += blank + 1
		}
	}
	return span{from, to}
}

// A char is a rune of a literal with its place.
type char struct {
	r  rune
	at span
}

// literalSpans maps the runes of a literal part. Where it cannot be sure, each
// maps to the whole part.
func literalSpans(lit *hclsyntax.LiteralValueExpr, file []byte, quoted bool) []span {
	value := lit.Val.AsString()
	from, to := lit.SrcRange.Start.Byte, lit.SrcRange.End.Byte
	chars := decode(file[from:to], from, quoted)
	if !quoted {
		chars = unindent(chars, value, from == 0 || file[from-1] == '\n')
	}
	chars = normalize(chars)
	if spans, ok := match(chars, value); ok {
		return spans
	}
	// "~" before or after an interpolation takes white space away.
	left := dropLeft(chars)
	for _, trimmed := range [][]char{left, dropRight(chars), dropRight(left)} {
		if spans, ok := match(trimmed, value); ok {
			return spans
		}
	}
	spans := make([]span, utf8.RuneCountInString(value))
	for i := range spans {
		spans[i] = span{from, to}
	}
	return spans
}

// decode reads the raw text of a literal that begins at byte base.
func decode(src []byte, base int, quoted bool) []char {
	chars := make([]char, 0, len(src))
	for i := 0; i < len(src); {
		start := i
		r, n := utf8.DecodeRune(src[i:])
		i += n
		switch {
		case quoted && r == '\\' && i < len(src):
			r, n = unescape(src[i:])
			i += n
		case (r == '$' || r == '%') && i+1 < len(src) && rune(src[i]) == r && src[i+1] == '{':
			// "$${" stands for "${". The brace is a character of its own.
			i++
		}
		chars = append(chars, char{r, span{base + start, base + i}})
	}
	return chars
}

// unescape reads what follows a backslash in a quoted string, and its length.
func unescape(src []byte) (rune, int) {
	width := 0
	switch src[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'u':
		width = 4
	case 'U':
		width = 8
	default:
		r, n := utf8.DecodeRune(src)
		return r, n
	}
	if len(src) < 1+width {
		return utf8.RuneError, 1
	}
	v, err := strconv.ParseUint(string(src[1:1+width]), 16, 32)
	if err != nil {
		return utf8.RuneError, 1
	}
	return rune(v), 1 + width
}

// unindent drops from each line the indentation that value, the text of a
// <<- heredoc, does not have. atStart says that chars begin a line.
func unindent(chars []char, value string, atStart bool) []char {
	lines := strings.SplitAfter(value, "\n")
	out := make([]char, 0, len(chars))
	for i := 0; i < len(chars) && len(lines) > 0; {
		end := i
		for end < len(chars) && chars[end].r != '\n' {
			end++
		}
		end = min(end+1, len(chars))
		line := chars[i:end]
		if atStart {
			have := 0
			for have < len(line) && isBlank(line[have].r) {
				have++
			}
			want := strings.IndexFunc(lines[0], func(r rune) bool { return !isBlank(r) })
			if want < 0 {
				want = len(lines[0])
			}
			if have > want {
				line = line[have-want:]
			}
		}
		out = append(out, line...)
		lines = lines[1:]
		atStart = true
		i = end
	}
	return out
}

func isBlank(r rune) bool { return r != '\n' && unicode.IsSpace(r) }

// normalize brings chars into the form NFC, as cty does with every string. The
// runes of a segment that this changes share its place.
func normalize(chars []char) []char {
	var b strings.Builder
	for _, c := range chars {
		b.WriteRune(c.r)
	}
	s := b.String()
	if norm.NFC.IsNormalString(s) {
		return chars
	}
	out := make([]char, 0, len(chars))
	for len(s) > 0 {
		n := norm.NFC.NextBoundaryInString(s, true)
		if n <= 0 {
			n = len(s)
		}
		segment := s[:n]
		s = s[n:]
		size := utf8.RuneCountInString(segment)
		if composed := norm.NFC.String(segment); composed != segment {
			place := span{chars[0].at.from, chars[size-1].at.to}
			for _, r := range composed {
				out = append(out, char{r, place})
			}
		} else {
			out = append(out, chars[:size]...)
		}
		chars = chars[size:]
	}
	return out
}

// match returns the places of chars if they read as value.
func match(chars []char, value string) ([]span, bool) {
	if utf8.RuneCountInString(value) != len(chars) {
		return nil, false
	}
	spans := make([]span, 0, len(chars))
	for _, r := range value {
		c := chars[len(spans)]
		if c.r != r {
			return nil, false
		}
		spans = append(spans, c.at)
	}
	return spans, true
}

func dropLeft(chars []char) []char {
	for len(chars) > 0 && unicode.IsSpace(chars[0].r) {
		chars = chars[1:]
	}
	return chars
}

func dropRight(chars []char) []char {
	for len(chars) > 0 && unicode.IsSpace(chars[len(chars)-1].r) {
		chars = chars[:len(chars)-1]
	}
	return chars
}
