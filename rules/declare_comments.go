package rules

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/rules/expr"
)

// A commentDecl is an inbound or outbound block of comments.
type commentDecl struct {
	at   hcl.Range
	from []element
	to   element    // empty: the system's first
	when *expr.Text // nil: always
}

// decodeComments reads the clauses of a template's comments block.
func (l *bodyReader) decodeComments(d *templateDecl) map[Direction][]commentDecl {
	all := map[Direction][]commentDecl{}
	for direction, blocks := range d.clausesOf["comments"] {
		for _, b := range blocks {
			all[direction] = append(all[direction], l.decodeComment(b))
		}
	}
	return all
}

func (l *bodyReader) decodeComment(b *hclsyntax.Block) commentDecl {
	c := commentDecl{at: b.DefRange()}
	if a := b.Body.Attributes["from"]; a != nil && !isNull(a.Expr) {
		c.from = l.filled(a, "Comments of every kind are taken, as without it.")
	}
	if a := b.Body.Attributes["to"]; a != nil && !isNull(a.Expr) {
		c.to = element{l.read.str(a), a.Expr.Range()}
	}
	c.when = l.read.text(b.Body.Attributes["when"])
	return c
}
