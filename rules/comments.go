package rules

import (
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
)

// MatchComment returns the first clause that matches the comment, nil if none does. A
// condition that fails does not match; the first such failure is the error.
func MatchComment(clauses []CommentClause, c connectors.Comment) (*CommentClause, error) {
	var failure error
	for i := range clauses {
		clause := &clauses[i]
		if clause.From != nil && !slices.Contains(clause.From, c.Kind) {
			continue
		}
		if clause.When == nil {
			return clause, failure
		}
		matched, err := clause.When.Eval(map[string]any{
			commentName: map[string]any{"text": textOrNil(c.Text), "kind": textOrNil(c.Kind), "author": textOrNil(c.Author)},
			localName:   clause.locals,
		})
		if err != nil && failure == nil {
			failure = fmt.Errorf("comments: when: %w", err)
		}
		if matched && err == nil {
			return clause, failure
		}
	}
	return nil, failure
}
