package rules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/rules/budget"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// A parser reads the files of a configuration, and what file() reads beside them.
type parser struct {
	*progress
	offline  bool
	sources  map[string]*sourceFile
	order    []string                      // of the sources
	broken   bool                          // some of them are not whole
	included map[string][]byte             // what file() read, by path
	read     int64                         // bytes of all files
	tokens   int                           // of the sources
	blocks   map[string][]*hclsyntax.Block // of the files, by type
}

func newParser(p *progress, offline bool) *parser {
	return &parser{
		progress: p, offline: offline,
		sources: map[string]*sourceFile{}, included: map[string][]byte{}, blocks: map[string][]*hclsyntax.Block{},
	}
}

// maxFiles bounds the *.hcl of a directory.
const maxFiles = 10_000

// A sourceFile is one HCL file.
type sourceFile struct {
	name  string // DIR joined with the file's name
	bytes []byte
	code  []byte // bytes without comments
	body  *hclsyntax.Body
}

// ConfigFiles are the *.hcl directly in a directory, sorted: what a configuration
// is made of, whatever kind of file each is. Names that begin with a dot are
// editors' and no configuration, as for a shell's *.
func ConfigFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration directory: %s", reason(err))
	}
	var files []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".hcl" && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	if len(files) > maxFiles {
		return nil, fmt.Errorf("more than %d *.hcl files in the directory", maxFiles)
	}
	return files, nil
}

// readDir reads and parses every file of the configuration, in the order of
// names.
func (l *parser) readDir() {
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
		l.parse(path, content)
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
	if len(l.order) == 0 && l.errors() == 0 {
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
		content, err := source.Read(l.ctx, path, l.mayRead())
		if err == nil {
			l.read += int64(len(content))
			contents[path] = content
			continue
		}
		l.broken = true
		l.unreadable(path, err)
		if l.read >= source.MaxTotal {
			return nil
		}
	}
	return contents
}

// mayRead is how much of the next file may be read.
func (l *parser) mayRead() int64 { return min(source.MaxFile, source.MaxTotal-l.read) }

// unreadable reports a file of the configuration that cannot be read.
func (l *parser) unreadable(path string, err error) {
	at := l.here()
	at.Filename = path
	if errors.Is(err, source.ErrTooLarge) && l.mayRead() < source.MaxFile {
		l.read = source.MaxTotal
		l.err(at, "the configuration is larger than "+source.Size(source.MaxTotal), "That is the limit of all files together.")
		return
	}
	l.findings.unreadable(at, err)
}

func (f *findings) unreadable(at hcl.Range, err error) {
	if errors.Is(err, source.ErrTooLarge) {
		f.err(at, "the file is larger than "+source.Size(source.MaxFile), "Split it into several files.")
		return
	}
	f.err(at, "cannot read the file: "+err.Error(), "Every *.hcl in the directory is part of the configuration.")
}

func (l *parser) parse(path string, content []byte) {
	src := &sourceFile{name: path, bytes: content}
	l.sources[path] = src
	l.order = append(l.order, path)
	parsed, diags := source.Parse(content, path)
	l.tokens += parsed.Tokens
	l.syntax(plainSyntax(diags, content))
	l.broken = l.broken || brokenSyntax(diags)
	l.meter.Body(parsed.Body)
	src.body, src.code = parsed.Body, parsed.Code
}

// readFile is what the function file() reads, and whether that lies outside the
// directory. What does is as secret as the environment: a server's keys lie
// there, and whoever may change the configuration may not see them.
func (l *parser) readFile(name string) (content string, outside bool, err error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.dir, path)
	}
	within, err := source.Within(l.dir, path)
	if err != nil {
		return "", !within, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if !within && l.offline {
		return "", true, nil
	}
	bytes, ok := l.included[path]
	if !ok {
		bytes, err = source.Read(l.ctx, path, l.mayRead())
		switch {
		case errors.Is(err, source.ErrTooLarge) && l.mayRead() < source.MaxFile:
			return "", !within, fmt.Errorf("cannot read %s: the configuration is larger than %s", name, source.Size(source.MaxTotal))
		case errors.Is(err, source.ErrTooLarge):
			return "", !within, fmt.Errorf("cannot read %s: it is larger than %s", name, source.Size(source.MaxFile))
		case err != nil:
			return "", !within, fmt.Errorf("cannot read %s: %w", name, err)
		}
		l.read += int64(len(bytes))
		l.included[path] = bytes
	}
	if !utf8.Valid(bytes) {
		return "", !within, fmt.Errorf("%s is not UTF-8 text", name)
	}
	return string(bytes), !within, nil
}

// ReadConfigFile reads and parses one file of a configuration. Its expressions may
// be evaluated, within the bounds of a load.
func ReadConfigFile(ctx context.Context, path string) (content []byte, body *hclsyntax.Body, err error) {
	if content, err = source.Read(ctx, path, source.MaxFile); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	f, diags := source.Parse(content, path)
	if diags.HasErrors() {
		return nil, nil, fmt.Errorf("%s: %w", path, diags)
	}
	budget.NewMeter(ctx, budget.Limits{}).Body(f.Body)
	return content, f.Body, nil
}

// reason is why a file could not be read, without the path that the message
// has anyway.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// generation is the digest of all that was read. Names and lengths are part of
// it, so that no content can pass for another file's.
func (l *parser) generation() string {
	h := sha256.New()
	for _, path := range l.order {
		fmt.Fprintf(h, "hcl %q %d\n", filepath.Base(path), len(l.sources[path].bytes))
		h.Write(l.sources[path].bytes)
	}
	for _, path := range l.includedFiles() {
		name, err := filepath.Rel(l.dir, path)
		if err != nil {
			name = path
		}
		fmt.Fprintf(h, "file %q %d\n", filepath.ToSlash(name), len(l.included[path]))
		h.Write(l.included[path])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (l *parser) includedFiles() []string {
	paths := make([]string, 0, len(l.included))
	for path := range l.included {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
