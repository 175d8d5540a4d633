package rules

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// attributesOf returns the attributes of a body in the order written.
func attributesOf(body *hclsyntax.Body) []*hclsyntax.Attribute {
	all := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *hclsyntax.Attribute) int { return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte) })
	return all
}

// isNull reports whether an attribute is the literal null.
func isNull(e hcl.Expression) bool {
	lit, ok := e.(*hclsyntax.LiteralValueExpr)
	return ok && lit.Val.RawEquals(cty.NullVal(cty.DynamicPseudoType))
}

// attrStep returns a step ".name" and the place of the name, without the dot.
func attrStep(step hcl.Traverser) (string, hcl.Range, bool) {
	attr, ok := step.(hcl.TraverseAttr)
	at := attr.SrcRange
	at.Start.Byte++
	at.Start.Column++
	return attr.Name, at, ok
}

// literalText returns the text of a literal in quotes.
func literalText(e hcl.Expression) (string, bool) {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return "", false
	}
	v, diags := t.Value(nil)
	if diags.HasErrors() {
		return "", false
	}
	return v.AsString(), true
}

// traversalText returns a traversal as it is written.
func traversalText(t hcl.Traversal) string {
	var b strings.Builder
	for _, step := range t {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(step.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + step.Name)
		default:
			b.WriteString("[…]")
		}
	}
	return b.String()
}

// callsRef reports whether ref is called in an expression.
func callsRef(e hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "ref" {
			found = true
		}
		return nil
	})
	return found
}
