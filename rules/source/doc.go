// Package source reads files that anybody may have written: regular files only,
// up to a size, as text, and nested no deeper than the parsers' stacks bear.
//
// A parser that recurses overflows its goroutine's stack on input that is nested
// deep enough, and nothing recovers from that. So depth is counted in the tokens,
// without recursion, before a parser sees them.
package source
