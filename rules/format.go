package rules

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format rewrites a file in HCL's canonical style. Comments stay, and what is
// formatted already stays as it is. With errors in the syntax the result is
// nil; filename is for their places.
func Format(src []byte, filename string) ([]byte, Diagnostics) {
	_, diags := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	if diags.HasErrors() {
		var f findings
		f.hcl(plainSyntax(diags, src))
		return nil, f.diagnostics(map[string]*sourceFile{filename: {name: filename, bytes: src}}, nil)
	}
	out := hclwrite.Format(src)
	// One pass may move what the next one aligns.
	for range 4 {
		next := hclwrite.Format(out)
		if bytes.Equal(next, out) {
			break
		}
		out = next
	}
	return out, nil
}
