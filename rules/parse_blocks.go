package rules

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The blocks of a configuration, with the number of their labels.
var blockLabels = map[string]int{
	"daemon": 0, "variable": 1, "locals": 0, "connector": 2, "state_table": 1, "route": 1, "template": 1,
}

// sortBlocks sorts the blocks of a file by their type.
func (l *parser) sortBlocks(body *hclsyntax.Body) {
	for _, a := range attributesOf(body) {
		detail := sentences("A configuration is made of blocks.", suggest(a.Name, sortedKeys(blockLabels), "block"))
		if _, ok := blockLabels[a.Name]; ok {
			detail = "Write " + a.Name + " { … }, without the equals sign."
		}
		l.err(a.NameRange, "attribute "+quote(a.Name)+" outside a block", detail)
	}
	for _, b := range body.Blocks {
		want, ok := blockLabels[b.Type]
		if !ok {
			l.err(b.TypeRange, "unknown block "+quote(b.Type), suggest(b.Type, sortedKeys(blockLabels), "block"))
			continue
		}
		if l.checkLabels(b, want) {
			l.out.blocks[b.Type] = append(l.out.blocks[b.Type], b)
		}
	}
}

// checkLabels reports whether a block has as many labels as it needs, each of
// them an identifier.
func (l *parser) checkLabels(b *hclsyntax.Block, want int) bool {
	form := map[int]string{0: " { … }", 1: ` "NAME" { … }`, 2: ` "TYPE" "NAME" { … }`}[want]
	if len(b.Labels) != want {
		at := b.TypeRange
		if len(b.Labels) > want {
			at = b.LabelRanges[want]
		}
		number := map[int]string{0: "no name", 1: "one name", 2: "a type and a name"}[want]
		l.err(at, "a "+b.Type+" block has "+number, "Write "+b.Type+form+".")
		return false
	}
	for i, label := range b.Labels {
		if !hclsyntax.ValidIdentifier(label) {
			l.err(b.LabelRanges[i], quote(label)+" is not a name", "A name begins with a letter and has letters, digits, _ and - after it.")
			return false
		}
	}
	return true
}
