package rules

import (
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
)

// A source is one HCL file.
type source struct {
	name  string // DIR joined with the file's name
	bytes []byte
	body  *hclsyntax.Body
}

// readDir reads and parses every *.hcl directly in the directory, in the order
// of names. Names that begin with a dot are editors' and no configuration, as
// for a shell's *.
func (l *loader) readDir() {
	here := hcl.Range{Filename: l.dir, Start: hcl.InitialPos, End: hcl.InitialPos}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		l.broken = true
		l.err(here, "cannot read the configuration directory: "+reason(err), "Name a directory that holds *.hcl files.")
		return
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".hcl" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(l.dir, e.Name())
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			at := here
			at.Filename = path
			l.broken = true
			l.err(at, "cannot read the file: "+reason(err), "Every *.hcl in the directory is part of the configuration.")
			continue
		}
		l.parse(path, content)
	}
	if len(l.order) == 0 && l.errors() == 0 {
		l.broken = true
		l.err(here, "no *.hcl file", "A configuration is a directory with at least one *.hcl file directly in it.")
	}
}

func (l *loader) parse(path string, content []byte) {
	src := &source{name: path, bytes: content}
	l.sources[path] = src
	l.order = append(l.order, path)
	file, diags := hclsyntax.ParseConfig(content, path, hcl.InitialPos)
	l.hcl(plainSyntax(diags, content))
	l.broken = l.broken || brokenSyntax(diags)
	if file != nil {
		src.body, _ = file.Body.(*hclsyntax.Body)
	}
	if src.body == nil {
		src.body = &hclsyntax.Body{}
	}
}

// readFile is what the function file() reads.
func (l *loader) readFile(name string) (string, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.dir, path)
	}
	content, ok := l.included[path]
	if !ok {
		var err error
		if content, err = os.ReadFile(path); err != nil {
			return "", fmt.Errorf("cannot read %s: %s", name, reason(err))
		}
		l.included[path] = content
	}
	if !utf8.Valid(content) {
		return "", fmt.Errorf("%s is not UTF-8 text", name)
	}
	return string(content), nil
}

// reason is why a file could not be read, without the path that the message
// has anyway.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// generation is the digest of all that was read. Names and lengths are part of
// it, so that no content can pass for another file's.
func (l *loader) generation() string {
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

func (l *loader) includedFiles() []string {
	paths := make([]string, 0, len(l.included))
	for path := range l.included {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
