// Command words refuses home-made terms and phrases that a native reader
// stumbles over, in identifiers, comments, messages and pages. The list is
// words.txt beside it: a regular expression, a tab, and what to write instead.
//
// It reads the Go files and Markdown pages below its arguments, or below the
// working directory, and prints each finding as FILE:LINE:COL. Test data and
// corpora are not read.
package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"go/scanner"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

//go:embed words.txt
var list string

func main() {
	roots := os.Args[1:]
	if len(roots) == 0 {
		roots = []string{"."}
	}
	found, err := run(os.Stdout, list, roots)
	if err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(2)
	}
	if found > 0 {
		fmt.Fprintf(os.Stderr, "words: %d found; .ci/words/words.txt has the list\n", found)
		os.Exit(1)
	}
}

// A rule is an expression that is refused and what to write instead.
type rule struct {
	expression *regexp.Regexp
	instead    string
}

func parseRules(text string) ([]rule, error) {
	var rules []rule
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		expression, instead, ok := strings.Cut(line, "\t")
		if !ok {
			return nil, fmt.Errorf("words.txt:%d: expected an expression, a tab, and what to write instead", n)
		}
		compiled, err := regexp.Compile("(?i)" + expression)
		if err != nil {
			return nil, fmt.Errorf("words.txt:%d: %w", n, err)
		}
		rules = append(rules, rule{compiled, strings.TrimSpace(instead)})
	}
	return rules, lines.Err()
}

func run(out io.Writer, list string, roots []string) (found int, err error) {
	rules, err := parseRules(list)
	if err != nil {
		return 0, err
	}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if name := entry.Name(); name == "testdata" || name == ".git" || name == "bin" || name == "words" {
					return fs.SkipDir
				}
				return nil
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			var prose []passage
			switch filepath.Ext(path) {
			case ".go":
				prose = passagesOf(content)
			case ".md":
				prose = []passage{{1, 1, string(content)}}
			}
			for _, p := range prose {
				found += p.check(out, path, rules)
			}
			return nil
		})
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// A passage is text that people read, and where it begins.
type passage struct {
	line, column int
	text         string
}

// passagesOf are the comments, strings and identifiers of a Go file. An
// identifier is read as its words: keepInStep as "keep In Step".
func passagesOf(source []byte) []passage {
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, func(token.Position, string) {}, scanner.ScanComments)
	var all []passage
	for {
		pos, tok, literal := s.Scan()
		at := files.Position(pos)
		switch tok {
		case token.EOF:
			return all
		case token.COMMENT, token.STRING:
			all = append(all, passage{at.Line, at.Column, literal})
		case token.IDENT:
			all = append(all, passage{at.Line, at.Column, wordsOf(literal)})
		}
	}
}

// wordsOf separates the words of an identifier.
func wordsOf(name string) string {
	var b strings.Builder
	before := rune(0)
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte(' ')
		}
		if r == '_' {
			r = ' '
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

func (p passage) check(out io.Writer, path string, rules []rule) (found int) {
	for i, line := range strings.Split(p.text, "\n") {
		column := 1
		if i == 0 {
			column = p.column
		}
		for _, r := range rules {
			for _, at := range r.expression.FindAllStringIndex(line, -1) {
				found++
				fmt.Fprintf(out, "%s:%d:%d: %q: %s\n", path, p.line+i, column+at[0], line[at[0]:at[1]], r.instead)
			}
		}
	}
	return found
}
