package rules

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// A parser makes blocks of files.
type parser struct {
	*progress
	reader *reader
	out    *parsed
	tokens int  // of all files
	broken bool // some file is not whole
}

func newParser(p *progress, r *reader) *parser {
	return &parser{
		progress: p, reader: r,
		out: &parsed{files: map[string]*sourceFile{}, blocks: map[string][]*hclsyntax.Block{}},
	}
}

// parse parses the files of the directory and sorts their blocks. False: some file
// is not whole, and most other errors would be noise.
func (l *parser) parse() bool {
	l.parseDir()
	if l.broken {
		return false
	}
	for _, path := range l.out.order {
		l.sortBlocks(l.out.files[path].body)
	}
	return true
}

// parseDir reads and parses every file of the configuration, in the order of
// names.
func (l *parser) parseDir() {
	files, err := ConfigFiles(l.dir)
	if err != nil {
		l.broken = true
		l.err(l.here(), err.Error(), "Name a directory that holds *.hcl files.")
		return
	}
	contents := l.readFiles(files)
	for _, path := range files {
		content, ok := contents[path]
		if !ok {
			continue
		}
		l.parseFile(path, content)
		if l.tokens > source.MaxTokens {
			l.broken = true
			l.err(l.here(), "the configuration is too large", fmt.Sprintf("It has more than %d names, values and signs.", source.MaxTokens))
			return
		}
		if l.givenUp() {
			l.broken = true
			return
		}
	}
	if len(l.out.order) == 0 && l.errors() == 0 {
		l.broken = true
		l.err(l.here(), "no *.hcl file", "A configuration is a directory with at least one *.hcl file directly in it.")
	}
}

// readFiles reads the files, before any of them is parsed.
func (l *parser) readFiles(files []string) map[string][]byte {
	contents := make(map[string][]byte, len(files))
	for _, path := range files {
		if l.givenUp() {
			l.broken = true
			return nil
		}
		content, err := l.reader.file(path)
		if err == nil {
			contents[path] = content
			continue
		}
		l.broken = true
		l.unreadable(path, err)
		if l.reader.read >= source.MaxTotal {
			return nil
		}
	}
	return contents
}

// unreadable reports a file of the configuration that cannot be read.
func (l *parser) unreadable(path string, err error) {
	at := hcl.Range{Filename: path, Start: hcl.InitialPos, End: hcl.InitialPos}
	if errors.Is(err, source.ErrTooLarge) && l.reader.mayRead() < source.MaxFile {
		l.reader.read = source.MaxTotal
		l.err(at, "the configuration is larger than "+source.Size(source.MaxTotal), "That is the limit of all files together.")
		return
	}
	l.findings.unreadable(at, err)
}

func (l *parser) parseFile(path string, content []byte) {
	src := &sourceFile{name: path, bytes: content}
	l.out.files[path] = src
	l.out.order = append(l.out.order, path)
	parsed, diags := source.Parse(content, path)
	l.tokens += parsed.Tokens
	l.syntax(plainSyntax(diags, content))
	l.broken = l.broken || brokenSyntax(diags)
	l.meter.Body(parsed.Body)
	src.body, src.code = parsed.Body, parsed.Code
}
