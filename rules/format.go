package rules

import (
	"bytes"
	"context"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// FormatFile reads a file of a configuration and rewrites its content as Format
// does.
func FormatFile(ctx context.Context, path string) (before, after []byte, found Diagnostics) {
	before, err := source.Read(ctx, path, source.MaxFile)
	if err != nil {
		f := findings{}
		f.unreadable(hcl.Range{Filename: path, Start: hcl.InitialPos, End: hcl.InitialPos}, err)
		return nil, nil, f.diagnostics(nil, nil)
	}
	after, found = Format(before, path)
	return before, after, found
}

// Format rewrites a file in HCL's canonical style. Comments stay, and what is
// formatted already stays as it is. With errors in the syntax the result is
// nil; filename is for their places.
func Format(src []byte, filename string) ([]byte, Diagnostics) {
	var f findings
	report := func(diags hcl.Diagnostics) Diagnostics {
		f.syntax(plainSyntax(diags, src))
		return f.diagnostics(map[string]*sourceFile{filename: {name: filename, bytes: src}}, nil)
	}
	if _, diags := source.Parse(src, filename); diags.HasErrors() {
		return nil, report(diags)
	}
	out, d := formatted(src, filename)
	if d != nil {
		return nil, report(hcl.Diagnostics{d})
	}
	return out, nil
}

func formatted(src []byte, filename string) (out []byte, d *hcl.Diagnostic) {
	start := hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos}
	defer source.Recovered(start, func(failed *hcl.Diagnostic) { out, d = nil, failed })
	out = hclwrite.Format(src)
	// One pass may move what the next one aligns.
	for range 4 {
		next := hclwrite.Format(out)
		if bytes.Equal(next, out) {
			break
		}
		out = next
	}
	if !sameTokens(src, out) {
		return nil, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "the file cannot be formatted",
			Detail: "To format it would change more than its white space. Please report it.", Subject: &start,
		}
	}
	return out, nil
}

// sameTokens reports whether two files differ in white space alone.
func sameTokens(a, b []byte) bool {
	return slices.EqualFunc(words(a), words(b), func(x, y hclsyntax.Token) bool {
		return x.Type == y.Type && bytes.Equal(bytes.TrimSpace(x.Bytes), bytes.TrimSpace(y.Bytes))
	})
}

// words returns the tokens of a file but for line breaks.
func words(src []byte) hclsyntax.Tokens {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos) // parsed before
	return slices.DeleteFunc(tokens, func(t hclsyntax.Token) bool { return t.Type == hclsyntax.TokenNewline })
}
