package rules

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A bodyContent is the known attributes and blocks of a body.
type bodyContent struct {
	attrs  map[string]*hclsyntax.Attribute
	blocks map[string][]*hclsyntax.Block
}

// attr is an attribute, nil if it is not written.
func (c bodyContent) attr(name string) *hclsyntax.Attribute { return c.attrs[name] }

// block returns the block of a type, nil if it is not written.
func (c bodyContent) block(name string) *hclsyntax.Block {
	if all := c.blocks[name]; len(all) > 0 {
		return all[0]
	}
	return nil
}

// content sorts what is in a body and reports what does not belong there.
// what names the block in messages. Of the blocks each may be there once,
// without labels; decoders of others look at them before.
func (l *decoder) content(body *hclsyntax.Body, def hcl.Range, what string, attrs, blocks []string, required ...string) bodyContent {
	in := bodyContent{attrs: map[string]*hclsyntax.Attribute{}, blocks: map[string][]*hclsyntax.Block{}}
	for _, a := range attributesOf(body) {
		switch {
		case slices.Contains(attrs, a.Name):
			in.attrs[a.Name] = a
		case slices.Contains(blocks, a.Name):
			l.err(a.NameRange, quote(a.Name)+" is a block", "Write "+a.Name+" { … }, without the equals sign.")
		default:
			l.err(a.NameRange, "unknown attribute "+quote(a.Name)+" in "+article(what), suggest(a.Name, attrs, "attribute"))
		}
	}
	for _, b := range body.Blocks {
		switch {
		case slices.Contains(blocks, b.Type):
			if len(b.Labels) > 0 {
				l.err(b.LabelRanges[0], "a "+b.Type+" block has no name here", "Write "+b.Type+" { … }.")
				continue
			}
			in.blocks[b.Type] = append(in.blocks[b.Type], b)
		case slices.Contains(attrs, b.Type):
			l.err(b.TypeRange, quote(b.Type)+" is an attribute", "Write "+b.Type+" = …, with an equals sign.")
		default:
			l.err(b.TypeRange, "unknown block "+quote(b.Type)+" in "+article(what), suggest(b.Type, blocks, "block"))
		}
	}
	for _, name := range required {
		if in.attrs[name] == nil && !slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == name }) {
			l.missing(def, what, name)
		}
	}
	return in
}

// missing reports a required attribute that is not there.
func (l *decoder) missing(def hcl.Range, what, name string) {
	l.err(def, fmt.Sprintf("%s has no %s", article(what), name), fmt.Sprintf("The attribute %s is required: write %s = ….", name, name))
}

// onlyOnce reports all but the first of blocks that may be there only once.
func (l *decoder) onlyOnce(in bodyContent, types ...string) {
	for _, t := range types {
		for _, b := range in.blocks[t][min(1, len(in.blocks[t])):] {
			l.duplicate(b.TypeRange, in.blocks[t][0].DefRange(), "block "+quote(t), "Put both into one block.")
		}
	}
}
