package rules

import (
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
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
	c := CommentClause{To: d.to.Reveal(), locals: l.compiler.locals.values}
	if len(to.CommentKinds) == 0 {
		l.err(d.at, article(to.Record)+" takes no comments", "Leave this block out.")
	}
	if d.from != nil {
		c.From = revealed(d.from)
	}
	for _, kind := range d.from {
		l.checkKind(kind, from)
	}
	if d.from == nil && len(from.RestrictedKinds) > 0 { // all but those
		c.From = slices.DeleteFunc(slices.Clone(from.CommentKinds), func(kind string) bool { return slices.Contains(from.RestrictedKinds, kind) })
	}
	switch {
	case d.to.Empty():
	case slices.Contains(to.RestrictedKinds, d.to.Reveal()):
		l.err(d.to.at, fmt.Sprintf("comments of the kind %s are never written", d.to.Quote()), "They are shown to some people only, and those cannot be told. Write another kind.")
	default:
		l.checkKind(d.to, to)
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
	if c.When = condition; condition != nil {
		judge(condition, d.when, func(path expr.Path) []connectors.Choice {
			if len(path) == 2 && path[0] == commentName && path[1] == "kind" && len(from.CommentKinds) > 0 {
				return choicesOf(from.CommentKinds)
			}
			return nil
		}, l.findings)
	}
	return c
}

func (l *checker) checkKind(kind element, s *connectors.Schema) {
	if len(s.CommentKinds) > 0 && !slices.Contains(s.CommentKinds, kind.Reveal()) {
		l.err(kind.at, fmt.Sprintf("%s has no comments of the kind %s", s.Record, kind.Quote()), suggestFor(kind.String, s.CommentKinds, "kind of comment"))
	}
}
