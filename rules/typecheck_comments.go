package rules

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
)

// comments checks the clauses of a template for a pair of record types, whose kinds
// of comment they name.
func (l *checker) comments(t *template, source *connectors.Schema) Comments {
	var all Comments
	for _, c := range t.comments[Inbound] {
		all.Inbound = append(all.Inbound, l.commentClause(c, t.schema, source))
	}
	for _, c := range t.comments[Outbound] {
		all.Outbound = append(all.Outbound, l.commentClause(c, source, t.schema))
	}
	return all
}

func (l *checker) commentClause(d commentDecl, from, to *connectors.Schema) CommentClause {
	c := CommentClause{From: d.from, To: d.to, locals: l.compiler.locals.values}
	if len(to.CommentKinds) == 0 {
		l.err(d.at, article(to.Record)+" takes no comments", "Leave this block out.")
	}
	for i, kind := range d.from {
		l.checkKind(kind, d.fromAt[i], from)
	}
	if d.to != "" {
		l.checkKind(d.to, d.toAt, to)
	}
	if d.when == nil {
		return c
	}
	env, err := l.compiler.envs.forComments()
	if err != nil {
		l.err(d.at, "conditions on comments cannot be compiled", capital(err.Error()))
		return c
	}
	condition, diags := env.Condition(d.when)
	l.hcl(diags)
	c.When = condition
	return c
}

func (l *checker) checkKind(kind string, at hcl.Range, s *connectors.Schema) {
	if len(s.CommentKinds) > 0 && !slices.Contains(s.CommentKinds, kind) {
		l.err(at, fmt.Sprintf("%s has no comments of the kind %q", s.Record, kind), suggest(kind, s.CommentKinds, "kind of comment"))
	}
}
