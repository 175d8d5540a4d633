package source

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// What a parser is given.
const (
	MaxDepth = 200 // of brackets, braces, templates and unary operators within each other
	// maxChain bounds operators, indexes and splats of one expression: each is
	// one more level of the tree, though they do not look nested.
	maxChain = 2000
	// maxTokens bounds one file, MaxTokens a configuration: a token takes up to
	// half a KiB once it is parsed.
	maxTokens = 500_000
	MaxTokens = 2_000_000
	// maxPieces bounds the squares of the numbers of lines and signs that the
	// texts of a file are lexed into, which the parser takes that much time for.
	maxPieces = 400_000_000
	// maxDigits bounds a number, and its exponent: beyond it no system takes it,
	// and to write it out would take for ever.
	maxDigits   = 400
	maxExponent = 300
)

// A level is an opened bracket, or the file.
type level struct {
	kind  hclsyntax.TokenType
	ops   int // operators of the expression under way
	child int // depth of the deepest bracket within it
	best  int // of the expressions before it
	// Of a text: the directives that are open in it, and its pieces.
	directives, pieces int
}

func (l *level) depth() int { return max(l.best, l.ops+l.child) }

// A scan is the way through the tokens of a file.
type scan struct {
	levels []level
	depth  int // of what counts among the levels
	unary  int // operators before the operand that comes
	pieces int // squares
	prev   hclsyntax.TokenType
}

// closes are the tokens that close what others open.
var closes = map[hclsyntax.TokenType][]hclsyntax.TokenType{
	hclsyntax.TokenCBrace: {hclsyntax.TokenOBrace}, hclsyntax.TokenCBrack: {hclsyntax.TokenOBrack},
	hclsyntax.TokenCParen: {hclsyntax.TokenOParen}, hclsyntax.TokenCQuote: {hclsyntax.TokenOQuote},
	hclsyntax.TokenCHeredoc:       {hclsyntax.TokenOHeredoc},
	hclsyntax.TokenTemplateSeqEnd: {hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl},
}

// Tokens reports what in the tokens of a file no parser may be given; nil:
// nothing.
func Tokens(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	s := scan{levels: []level{{}}}
	for i, t := range tokens {
		if i >= maxTokens {
			return fault(t.Range, "the file is too long",
				fmt.Sprintf("It has more than %d names, values and signs. Split it into several files.", maxTokens))
		}
		if t.Type == hclsyntax.TokenComment {
			continue
		}
		if d := s.take(t, tokens[i+1:]); d != nil {
			return d
		}
		s.prev = t.Type
	}
	return nil
}

func (s *scan) top() *level { return &s.levels[len(s.levels)-1] }

// take goes one token on.
func (s *scan) take(t hclsyntax.Token, rest hclsyntax.Tokens) *hcl.Diagnostic {
	switch t.Type {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		s.open(t.Type, 1)
		if t.Type == hclsyntax.TokenTemplateControl {
			s.directive(rest)
		}
	case hclsyntax.TokenOBrack:
		if endsOperand(s.prev) {
			s.top().ops++
		}
		s.open(t.Type, 1)
	case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		s.open(t.Type, 0)
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
		s.top().pieces++
	case hclsyntax.TokenBang:
		s.unary++
	case hclsyntax.TokenMinus:
		if endsOperand(s.prev) {
			s.operator()
		} else {
			s.unary++
		}
	case hclsyntax.TokenComma:
		s.next()
	case hclsyntax.TokenNewline:
		if kind := s.top().kind; kind == 0 || kind == hclsyntax.TokenOBrace {
			s.next() // elsewhere a line break ends nothing
		}
	case hclsyntax.TokenNumberLit:
		s.unary = 0
		if tooLong(string(t.Bytes)) {
			return fault(t.Range, "the number is too large",
				fmt.Sprintf("A number has at most %d digits and lies between 1e-%d and 1e%d.", maxDigits, maxExponent, maxExponent))
		}
	case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenQuestion:
		s.operator()
	default:
		s.unary = 0
		if _, ok := closes[t.Type]; ok {
			if d := s.close(t); d != nil {
				return d
			}
		}
	}
	return s.check(t)
}

func (s *scan) check(t hclsyntax.Token) *hcl.Diagnostic {
	switch top := s.top(); {
	case s.depth+s.unary > MaxDepth:
		return fault(t.Range, fmt.Sprintf("nested more than %d levels deep", MaxDepth),
			"Brackets, braces, templates and unary operators count. Give an inner part a name in locals.")
	case top.depth() > maxChain:
		return fault(t.Range, fmt.Sprintf("an expression of more than %d operators", maxChain),
			"Split it, and give the parts names in locals.")
	}
	return nil
}

func (s *scan) open(kind hclsyntax.TokenType, counts int) {
	s.levels = append(s.levels, level{kind: kind, directives: counts})
	s.depth += counts
}

// close leaves the innermost level if this token closes it. One that closes
// something else is a mistake that the parser finds.
func (s *scan) close(t hclsyntax.Token) *hcl.Diagnostic {
	top := *s.top()
	opened := false
	for _, kind := range closes[t.Type] {
		opened = opened || top.kind == kind
	}
	if !opened {
		return nil
	}
	s.levels = s.levels[:len(s.levels)-1]
	s.depth -= top.directives
	s.pieces += top.pieces * top.pieces
	if s.pieces > maxPieces {
		return fault(t.Range, "the texts of the file have too many lines",
			"Long texts belong in files of their own, which file() reads.")
	}
	parent := s.top()
	parent.child = max(parent.child, top.depth()+1)
	return nil
}

// directive counts %{ if … } and %{ for … }, which what follows is nested in
// up to their ends, in the text that they stand in.
func (s *scan) directive(rest hclsyntax.Tokens) {
	if len(rest) == 0 || len(s.levels) < 2 {
		return
	}
	text := &s.levels[len(s.levels)-2]
	switch string(rest[0].Bytes) {
	case "if", "for":
		text.directives++
		s.depth++
	case "endif", "endfor":
		if text.directives > 0 {
			text.directives--
			s.depth--
		}
	}
}

func (s *scan) operator() {
	s.unary = 0
	s.top().ops++
}

// next ends an expression.
func (s *scan) next() {
	s.unary = 0
	top := s.top()
	top.best, top.ops, top.child = top.depth(), 0, 0
}

func endsOperand(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc,
		hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenCParen, hclsyntax.TokenStar:
		return true
	}
	return false
}

// tooLong reports whether a number is beyond what is taken.
func tooLong(number string) bool {
	mantissa, exponent, found := strings.Cut(strings.ToLower(number), "e")
	if len(mantissa) > maxDigits {
		return true
	}
	if !found {
		return false
	}
	n, err := strconv.Atoi(exponent)
	return err != nil || n > maxExponent || n < -maxExponent
}
