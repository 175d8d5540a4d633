package rules

import (
	"bytes"
	"strings"
	"unicode/utf16"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A sourceFile is one HCL file.
type sourceFile struct {
	name  string // DIR joined with the file's name
	bytes []byte
	code  []byte // bytes without comments
	body  *hclsyntax.Body
}

// line returns the line on which a range begins and how many of its characters are
// in the range, at least one.
func (s *sourceFile) line(r hcl.Range) (string, int) {
	from := min(max(r.Start.Byte, 0), len(s.bytes))
	begin := bytes.LastIndexByte(s.bytes[:from], '\n') + 1
	end := len(s.bytes)
	if i := bytes.IndexByte(s.bytes[from:], '\n'); i >= 0 {
		end = from + i
	}
	text := strings.TrimSuffix(string(s.bytes[begin:end]), "\r")
	to := min(max(r.End.Byte, from), begin+len(text))
	marked := 1
	if to > from {
		marked = max(1, graphemes(string(s.bytes[from:to])))
	}
	return strings.ToValidUTF8(text, "\ufffd"), marked
}

// isText reports whether a line can be shown: one of a file in another encoding than
// UTF-8 holds bytes that stand for nothing.
func isText(line string) bool { return !strings.ContainsRune(line, 0) }

// units returns the column of a byte in UTF-16 code units, counted from 1.
func (s *sourceFile) units(at int) int {
	at = min(max(at, 0), len(s.bytes))
	begin := bytes.LastIndexByte(s.bytes[:at], '\n') + 1
	n := 1
	for _, r := range string(s.bytes[begin:at]) {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// A parsed is the files of a configuration, and their blocks.
type parsed struct {
	files  map[string]*sourceFile
	order  []string                      // of the files
	blocks map[string][]*hclsyntax.Block // by type
}
