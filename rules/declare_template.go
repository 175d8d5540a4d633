package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A templateReader reads the template blocks, as far as they are plain.
type templateReader struct {
	*progress
	read      *decoder
	templates map[string]*templateDecl
	inherited int // fields, from those that templates extend
}

// A field is one mapping as written.
type field struct {
	name    string
	of      string // the template that it is written in
	section section
	at      hcl.Range // its name
	expr    hclsyntax.Expression
}

// A templateDecl is a template block, or what is left of one after the
// templates that it extends are put under it.
type templateDecl struct {
	name     string
	at       hcl.Range // the block's first line
	extends  *templateRef
	extended bool // by another
	ok       bool // false: what it extends is not known
	phase    templatePhase

	attrs  map[string]*hclsyntax.Attribute // target, when, conflict
	from   map[string]string               // the templates that attrs are inherited from
	fields map[fieldKey]*field
	// Attributes of the state and lifecycle blocks and the clauses of the
	// comments and attachments blocks, with the place of the block itself.
	attrsOf   map[string]map[string]*hclsyntax.Attribute
	clausesOf map[string]map[Direction][]*hclsyntax.Block
	blockAt   map[string]hcl.Range
	// dropped are the attributes, blocks and fields written as null.
	dropped map[string]bool
}

// A templatePhase says how far a template is on its way to what it inherits.
type templatePhase int

const (
	templateNew templatePhase = iota
	templateInWork
	templateDone
)

// A fieldKey tells once and outbound, which write the ticket, from inbound.
type fieldKey struct {
	inbound bool
	name    string
}

var (
	templateAttributes = []string{"extends", "target", "when", "conflict"}
	templateBlocks     = []string{"once", "outbound", "inbound", "state", "comments", "attachments", "lifecycle"}
	stateAttributes    = []string{"table", "direction", "source_field", "target_field"}
	lifeAttributes     = []string{"on_private", "on_delete", "on_reopen", "modes", "statuses", "parent_wait"}
	commentAttributes  = []string{"from", "to", "when"}
	fileAttributes     = []string{"types", "max_size"}
)

// decodeTemplates reads the template blocks and then puts each over the one
// that it extends.
func (l *templateReader) decodeTemplates(blocks []*hclsyntax.Block) {
	var order []*templateDecl
	for _, b := range blocks {
		name := b.Labels[0]
		if first, ok := l.templates[name]; ok {
			l.duplicate(b.LabelRanges[0], first.at, "template "+quote(name), "A name stands for one template.")
			continue
		}
		t := l.decodeTemplate(b)
		l.templates[name] = t
		order = append(order, t)
	}
	for _, t := range order {
		a := t.attrs["extends"]
		delete(t.attrs, "extends")
		if a == nil {
			continue
		}
		name, at, ok := referenceTo(l.findings, a.Expr, "template", l.templates)
		if !ok {
			t.ok = false
			continue
		}
		t.extends = &templateRef{name, at}
		l.templates[name].extended = true
	}
	for _, t := range order {
		l.extend(t)
	}
}

func (l *templateReader) decodeTemplate(b *hclsyntax.Block) *templateDecl {
	t := &templateDecl{
		name: b.Labels[0], at: b.DefRange(), ok: true,
		attrs:     map[string]*hclsyntax.Attribute{},
		from:      map[string]string{},
		fields:    map[fieldKey]*field{},
		attrsOf:   map[string]map[string]*hclsyntax.Attribute{},
		clausesOf: map[string]map[Direction][]*hclsyntax.Block{},
		blockAt:   map[string]hcl.Range{},
		dropped:   map[string]bool{},
	}
	// null drops what would be inherited, a block too.
	body := *b.Body
	body.Attributes = hclsyntax.Attributes{}
	for name, a := range b.Body.Attributes {
		if isNull(a.Expr) && (slices.Contains(templateAttributes, name) || slices.Contains(templateBlocks, name)) {
			t.dropped[name] = true
			continue
		}
		body.Attributes[name] = a
	}
	in := l.read.content(&body, b.DefRange(), "template", templateAttributes, templateBlocks)
	l.read.onlyOnce(in, templateBlocks...)
	t.attrs = in.attrs
	for _, s := range []section{onceSection, outboundSection, inboundSection} {
		if block := in.block(string(s)); block != nil {
			l.decodeFields(t, s, block)
		}
	}
	for name, attrs := range map[string][]string{"state": stateAttributes, "lifecycle": lifeAttributes} {
		block := in.block(name)
		if block == nil {
			continue
		}
		t.blockAt[name] = block.DefRange()
		t.attrsOf[name] = l.read.content(block.Body, block.DefRange(), name+" block", attrs, nil).attrs
	}
	for name, attrs := range map[string][]string{"comments": commentAttributes, "attachments": fileAttributes} {
		block := in.block(name)
		if block == nil {
			continue
		}
		t.blockAt[name] = block.DefRange()
		t.clausesOf[name] = l.decodeClauses(name, block, attrs)
	}
	return t
}

// decodeFields reads a block of mappings.
func (l *templateReader) decodeFields(t *templateDecl, s section, b *hclsyntax.Block) {
	for _, inner := range b.Body.Blocks {
		l.err(inner.TypeRange, "a block in "+string(s), "A field is an attribute: "+inner.Type+" = { … }.")
	}
	for _, a := range attributesOf(b.Body) {
		key := fieldKey{s == inboundSection, a.Name}
		if isNull(a.Expr) {
			t.dropped[droppedField(key)] = true
			continue
		}
		if first, ok := t.fields[key]; ok {
			at, other := a.NameRange, first.at
			if at.Filename == other.Filename && at.Start.Byte < other.Start.Byte {
				at, other = other, at
			}
			l.err(at, "field "+quote(a.Name)+" in once and in outbound",
				"It is already at "+position(other)+". Leave it in once to write it only when the ticket is opened, or in outbound to keep it in step.")
			continue
		}
		t.fields[key] = &field{name: a.Name, of: t.name, section: s, at: a.NameRange, expr: a.Expr}
	}
}

func droppedField(key fieldKey) string {
	if key.inbound {
		return "inbound." + key.name
	}
	return "outbound." + key.name
}

// decodeClauses reads the inbound and outbound blocks of comments or
// attachments, which may repeat.
func (l *templateReader) decodeClauses(what string, b *hclsyntax.Block, attrs []string) map[Direction][]*hclsyntax.Block {
	clauses := map[Direction][]*hclsyntax.Block{}
	in := l.read.content(b.Body, b.DefRange(), what+" block", nil, []string{string(Inbound), string(Outbound)})
	for _, d := range []Direction{Inbound, Outbound} {
		for _, inner := range in.blocks[string(d)] {
			l.read.content(inner.Body, inner.DefRange(), string(d)+" block of "+what, attrs, nil)
			clauses[d] = append(clauses[d], inner)
		}
	}
	return clauses
}

// maxInherited bounds the fields that templates take from those that they extend,
// all together: each is checked as if it were written there.
const maxInherited = 100_000

// extend puts a template over the one that it extends, which is completed before
// it, however long the chain of those is.
func (l *templateReader) extend(t *templateDecl) {
	var chain []*templateDecl // each extends the next
	for ; t != nil && t.phase == templateNew; t = l.extendedBy(t) {
		t.phase = templateInWork
		chain = append(chain, t)
	}
	if t != nil && t.phase == templateInWork {
		l.extendInCycle(chain[slices.Index(chain, t):])
	}
	for _, t := range slices.Backward(chain) {
		t.phase = templateDone
		base := l.extendedBy(t)
		if base == nil {
			continue
		}
		if t.ok = t.ok && base.ok; !t.ok {
			continue
		}
		if l.inherited += len(base.fields); l.inherited > maxInherited {
			if !l.saidSpent {
				l.saidSpent = true
				l.err(t.extends.at, fmt.Sprintf("templates inherit more than %d fields in all", maxInherited),
					"A template has the fields of the one that it extends as if they were written in it. Extend one with fewer fields, or write fewer templates.")
			}
			return
		}
		t.inherit(base)
	}
}

// extendedBy returns the template that t extends, nil if it extends none.
func (l *templateReader) extendedBy(t *templateDecl) *templateDecl {
	if t.extends == nil {
		return nil
	}
	return l.templates[t.extends.name]
}

// extendInCycle reports templates of which each extends the next, and the last the
// first.
func (l *templateReader) extendInCycle(cycle []*templateDecl) {
	var names strings.Builder
	for _, t := range cycle {
		names.WriteString(t.name + " → ")
		t.ok = false
	}
	last := cycle[len(cycle)-1]
	l.err(last.extends.at, "templates that extend each other in a cycle", "The cycle is "+names.String()+cycle[0].name+". One of them must extend no other.")
}

// inherit takes from a template everything that t does not write itself.
func (t *templateDecl) inherit(base *templateDecl) {
	for name, a := range base.attrs {
		if t.attrs[name] == nil && !t.dropped[name] {
			t.attrs[name] = a
			if t.from[name] = base.from[name]; t.from[name] == "" {
				t.from[name] = base.name
			}
		}
	}
	for key, f := range base.fields {
		if t.fields[key] == nil && !t.dropped[string(f.section)] && !t.dropped[droppedField(key)] {
			t.fields[key] = f
		}
	}
	for name, at := range base.blockAt {
		if t.dropped[name] {
			continue
		}
		if _, written := t.blockAt[name]; !written {
			t.blockAt[name] = at
		}
		if attrs, ok := base.attrsOf[name]; ok {
			if t.attrsOf[name] == nil {
				t.attrsOf[name] = map[string]*hclsyntax.Attribute{}
			}
			for attr, a := range attrs {
				if t.attrsOf[name][attr] == nil {
					t.attrsOf[name][attr] = a
				}
			}
		}
		if clauses, ok := base.clausesOf[name]; ok {
			if t.clausesOf[name] == nil {
				t.clausesOf[name] = map[Direction][]*hclsyntax.Block{}
			}
			for d, blocks := range clauses {
				if t.clausesOf[name][d] == nil {
					t.clausesOf[name][d] = blocks
				}
			}
		}
	}
}

// fieldsOf returns the mappings of some sections in the order of their names.
func (t *templateDecl) fieldsOf(sections ...section) []*field {
	var all []*field
	for _, f := range t.fields {
		if slices.Contains(sections, f.section) {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b *field) int { return cmp.Compare(a.name, b.name) })
	return all
}
