package rules

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// The names of the terms of one mapping each begin with TermInbound or TermOnce. Their
// values are digests.
const (
	TermInbound        = "inbound "
	TermOnce           = "once "
	TermStateDirection = "state direction"
)

// Terms returns what no decision shows of how a link of a route with a template is
// kept in step, by the names of a configuration: two sets with the same terms differ
// in nothing but what they decide. nil: there is no such route, or the template does
// not fit its source.
func (s *Set) Terms(route, template string) map[string]string {
	r := s.Route(route)
	if r == nil {
		return nil
	}
	c := r.router.byName(template)
	if c == nil {
		return nil
	}
	t, terms := c.template, map[string]string{"create": fmt.Sprint(r.Create), "private": fmt.Sprint(r.Private), "conflict": string(c.template.Conflict)}
	const enough = 12
	for _, m := range c.values {
		if m.section == onceSection {
			terms[TermOnce+m.field] = m.digest[:enough]
		}
	}
	for _, m := range c.entries {
		terms[TermInbound+m.field] = m.digest[:enough]
	}
	for direction, clauses := range map[Direction][]CommentClause{Inbound: t.Comments.Inbound, Outbound: t.Comments.Outbound} {
		texts := make([]string, len(clauses))
		for i, clause := range clauses {
			texts[i] = clause.terms()
		}
		terms["comments "+string(direction)] = strings.Join(texts, "; ")
	}
	for direction, clauses := range map[Direction][]AttachmentClause{Inbound: t.Files.Inbound, Outbound: t.Files.Outbound} {
		texts := make([]string, len(clauses))
		for i, clause := range clauses {
			texts[i] = fmt.Sprintf("types = %s, max_size = %d", listed(clause.Types), clause.MaxSize)
		}
		terms["attachments "+string(direction)] = strings.Join(texts, "; ")
	}
	l := t.Lifecycle
	terms["on_private"], terms["on_delete"], terms["on_reopen"] = "stop", l.OnDelete, l.OnReopen
	if l.KeepPrivate {
		terms["on_private"] = "keep"
	}
	terms["parent_wait"], terms["modes"], terms["statuses"] = l.ParentWait.String(), listed(l.Modes), listed(l.Statuses)
	if t.State != nil {
		t.State.terms(terms, r.Source, t.Target)
	}
	for name, value := range terms {
		if value == "" { // as one that is not there
			delete(terms, name)
		}
	}
	return terms
}

// TermState names the term that holds the values of a state for the records of a
// connector, a JSON list of which the first is written.
func TermState(label string, of connectors.Collection) string {
	return fmt.Sprintf("state %s in %s.%s", label, of.Type, of.Connector)
}

// terms adds what a state block says.
func (s *StateSync) terms(terms map[string]string, ends ...connectors.Collection) {
	terms[TermStateDirection] = string(s.Direction)
	terms["state source_field"], terms["state target_field"] = s.SourceField, s.TargetField
	if s.Table == nil {
		return
	}
	terms["state unmapped"] = "ignore"
	if s.Table.UnmappedIsError {
		terms["state unmapped"] = "error"
	}
	for i := range s.Table.States {
		state := &s.Table.States[i]
		for _, end := range ends {
			terms[TermState(state.Label, end)] = listed(state.Column(end))
		}
	}
}

func (c CommentClause) terms() string {
	text := "from = all"
	switch {
	case len(c.From) > 0:
		text = "from = " + listed(c.From)
	case c.From != nil:
		text = "from = none"
	}
	if c.To != "" {
		text += ", to = " + showLiteral(c.To)
	}
	if c.When != nil {
		text += ", when = " + showLiteral(c.When.Source())
		for _, path := range c.When.Reads() {
			if path[0] == localName && len(path) > 1 {
				sum := sha256.Sum256([]byte(showLiteral(c.locals[path[1]])))
				text += fmt.Sprintf(", %s.%s = #%x", localName, path[1], sum[:4])
			}
		}
	}
	return text
}

// listed returns a list as JSON; empty if nothing is in it.
func listed(values []string) string {
	if len(values) == 0 {
		return ""
	}
	encoded, _ := json.Marshal(values) // strings cannot fail
	return string(encoded)
}
