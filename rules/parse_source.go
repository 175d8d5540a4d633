package rules

import (
	"bytes"
	"strings"

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

// A parsed is the files of a configuration, and their blocks.
type parsed struct {
	files  map[string]*sourceFile
	order  []string                      // of the files
	blocks map[string][]*hclsyntax.Block // by type
}
