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
	if encoding := wide(content); encoding != "" {
		return fault(start, "the file is encoded in "+encoding, "A configuration is text in UTF-8. Save the file with that encoding.")
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

// wide names the encoding of content whose characters have two or four bytes:
// by its mark, or by where the NULs are that Latin text has there. Empty: it is
// none of them.
func wide(content []byte) string {
	const utf16, utf32 = "UTF-16", "UTF-32"
	switch {
	// UTF-16's mark is the beginning of this one; no text goes on with a NUL.
	case bytes.HasPrefix(content, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(content, []byte{0, 0, 0xfe, 0xff}):
		return utf32
	case bytes.HasPrefix(content, []byte{0xff, 0xfe}), bytes.HasPrefix(content, []byte{0xfe, 0xff}):
		return utf16
	}
	const enough, sample = 4, 64
	head := content[:min(sample, len(content))&^3]
	var nul [4]int
	for i, b := range head {
		if b == 0 {
			nul[i%4]++
		}
	}
	units := len(head) / 4
	most := func(n, of int) bool { return n > of*3/4 }
	switch even, odd := nul[0]+nul[2], nul[1]+nul[3]; {
	case units >= enough && most(nul[1], units) && most(nul[2], units) && (nul[0] == 0 && most(nul[3], units) || nul[3] == 0 && most(nul[0], units)):
		return utf32
	case 2*units >= enough && (even == 0 && most(odd, 2*units) || odd == 0 && most(even, 2*units)):
		return utf16
	}
	return ""
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

// at returns the place of a byte.
func at(content []byte, b int, filename string) hcl.Range {
	begin := bytes.LastIndexByte(content[:b], '\n') + 1
	columns, _ := textseg.TokenCount(content[begin:b], textseg.ScanGraphemeClusters) // it fails on no input
	pos := hcl.Pos{Line: bytes.Count(content[:b], []byte("\n")) + 1, Column: columns + 1, Byte: b}
	return hcl.Range{Filename: filename, Start: pos, End: pos}
}
