package servicenowtest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A condition of an encoded query.
type condition struct{ column, operator, value string }

// An encodedQuery is alternatives (^NQ) of conditions that all hold, each of
// which is a list of conditions of which one holds (^OR).
type encodedQuery struct {
	alternatives [][][]condition
	order        []ordering
	invalid      bool // a condition was dropped
}

type ordering struct {
	column     string
	descending bool
}

var operand = regexp.MustCompile(`^([a-z][a-z0-9_.]*)(ISNOTEMPTY|ISEMPTY|NOT IN|NOT LIKE|STARTSWITH|ENDSWITH|LIKE|IN|!=|>=|<=|=|>|<)(.*)$`)

// parse reads an encoded query. What it does not understand, and conditions on
// columns that the table does not have, are dropped in silence.
func (s *Server) parse(table, encoded string) encodedQuery {
	q := encodedQuery{alternatives: [][][]condition{nil}}
	for term := range strings.SplitSeq(encoded, "^") {
		if term == "" || term == "EQ" {
			continue
		}
		if column, ok := strings.CutPrefix(term, "ORDERBYDESC"); ok {
			q.order = append(q.order, ordering{column, true})
			continue
		}
		if column, ok := strings.CutPrefix(term, "ORDERBY"); ok {
			q.order = append(q.order, ordering{column, false})
			continue
		}
		last := len(q.alternatives) - 1
		or := false
		if rest, ok := strings.CutPrefix(term, "NQ"); ok {
			q.alternatives, term, last = append(q.alternatives, nil), rest, last+1
		} else if rest, ok := strings.CutPrefix(term, "OR"); ok {
			or, term = true, rest
		}
		m := operand.FindStringSubmatch(term)
		if m == nil || !s.walkable(table, m[1]) {
			q.invalid = true
			continue
		}
		c := condition{column: m[1], operator: m[2], value: m[3]}
		group := q.alternatives[last]
		if or && len(group) > 0 {
			group[len(group)-1] = append(group[len(group)-1], c)
		} else {
			q.alternatives[last] = append(group, []condition{c})
		}
	}
	return q
}

// walkable reports whether a column is there, followed through references.
func (s *Server) walkable(table, path string) bool {
	name, rest, dotted := strings.Cut(path, ".")
	c, ok := s.column(table, name)
	if !ok || !dotted {
		return ok
	}
	return c.Reference != "" && s.walkable(c.Reference, rest)
}

// walk is the value of a column, followed through references.
func (s *Server) walk(r *record, path string) string {
	name, rest, dotted := strings.Cut(path, ".")
	if !dotted {
		return r.text(name)
	}
	next := s.records[r.text(name)]
	if next == nil {
		return ""
	}
	return s.walk(next, rest)
}

// query lists the records that match, in order.
func (s *Server) query(table, encoded string) []*record {
	q := s.parse(table, encoded)
	if q.invalid && s.opts.InvalidQueryReturnsNoRows {
		return nil
	}
	var found []*record
	for _, r := range s.rows(table) {
		if s.matches(q, r) {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b *record) int {
		for _, o := range q.order {
			if !s.walkable(table, o.column) {
				continue
			}
			if order := s.compare(a, o.column, s.walk(a, o.column), s.walk(b, o.column)); order != 0 {
				if o.descending {
					return -order
				}
				return order
			}
		}
		return 0
	})
	return found
}

func (s *Server) matches(q encodedQuery, r *record) bool {
	return slices.ContainsFunc(q.alternatives, func(all [][]condition) bool {
		for _, either := range all {
			if !slices.ContainsFunc(either, func(c condition) bool { return s.holds(c, r) }) {
				return false
			}
		}
		return true
	})
}

// operators are those of encoded queries.
var operators = map[string]simulator.Operator{
	"ISEMPTY": simulator.Blank, "ISNOTEMPTY": simulator.NotBlank,
	"=": simulator.OneOf, "!=": simulator.NoneOf, "IN": simulator.OneOf, "NOT IN": simulator.NoneOf,
	"LIKE": simulator.Contains, "NOT LIKE": simulator.NotContains, "STARTSWITH": simulator.Begins, "ENDSWITH": simulator.Ends,
	">": simulator.Above, ">=": simulator.AtLeast, "<": simulator.Below, "<=": simulator.AtMost,
}

func (s *Server) holds(c condition, r *record) bool {
	have, operator := s.walk(r, c.column), operators[c.operator]
	if operator.Ordering() {
		return have != "" && operator.Orders(s.compare(r, c.column, have, c.value))
	}
	want := []string{c.value}
	if strings.HasSuffix(c.operator, "IN") {
		want = strings.Split(c.value, ",")
	}
	return operator.Holds([]string{have}, want, nil)
}

// compare orders numbers as numbers and all else, times too, as text.
func (s *Server) compare(r *record, column, a, b string) int {
	if c, ok := s.column(r.table, column); ok && c.Type == "integer" {
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		if errX == nil && errY == nil {
			return x - y
		}
	}
	return cmp(a, b)
}
