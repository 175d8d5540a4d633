package source

import (
	"bytes"
	"unicode/utf8"

	"github.com/apparentlymart/go-textseg/v15/textseg"
	"github.com/hashicorp/hcl/v2"
)

// Text reports what keeps content from being text in UTF-8; nil: nothing does.
func Text(content []byte, filename string) *hcl.Diagnostic {
	start := hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos}
	if wide(content) {
		return fault(start, "the file is encoded in UTF-16", "A configuration is text in UTF-8. Save the file with that encoding.")
	}
	nul := bytes.IndexByte(content, 0)
	invalid := invalidUTF8(content)
	switch {
	case nul >= 0 && (invalid < 0 || nul < invalid):
		return fault(at(content, nul, filename), "a NUL byte in the file", "A configuration is text in UTF-8. This file is something else, or was damaged.")
	case invalid >= 0:
		return fault(at(content, invalid, filename), "bytes that are not UTF-8", "A configuration is text in UTF-8. Save the file with that encoding.")
	}
	return nil
}

func fault(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}

// wide reports whether content is UTF-16: by its mark, or by NULs in every
// other byte, as Latin text has them there.
func wide(content []byte) bool {
	if bytes.HasPrefix(content, []byte{0xff, 0xfe}) || bytes.HasPrefix(content, []byte{0xfe, 0xff}) {
		return true
	}
	const enough, sample = 4, 64
	head := content[:min(sample, len(content))&^1]
	even, odd := 0, 0
	for i := 0; i < len(head); i += 2 {
		if head[i] == 0 {
			even++
		}
		if head[i+1] == 0 {
			odd++
		}
	}
	pairs := len(head) / 2
	return pairs >= enough && (even == 0 && odd > pairs*3/4 || odd == 0 && even > pairs*3/4)
}

func invalidUTF8(content []byte) int {
	if utf8.Valid(content) {
		return -1
	}
	for i := 0; i < len(content); {
		r, n := utf8.DecodeRune(content[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// at is the place of a byte.
func at(content []byte, b int, filename string) hcl.Range {
	begin := bytes.LastIndexByte(content[:b], '\n') + 1
	columns, _ := textseg.TokenCount(content[begin:b], textseg.ScanGraphemeClusters) // it fails on no input
	pos := hcl.Pos{Line: bytes.Count(content[:b], []byte("\n")) + 1, Column: columns + 1, Byte: b}
	return hcl.Range{Filename: filename, Start: pos, End: pos}
}
