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

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/rules/budget"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// A reader reads the files of a load: those of the configuration, and what file()
// names beside them. All together are bounded.
type reader struct {
	ctx      context.Context // of the load
	dir      string
	offline  bool
	read     int64             // bytes of all files
	included map[string][]byte // what file() read, by path
}

func newReader(ctx context.Context, dir string, offline bool) *reader {
	return &reader{ctx: ctx, dir: dir, offline: offline, included: map[string][]byte{}}
}

// mayRead is how much of the next file may be read.
func (r *reader) mayRead() int64 { return min(source.MaxFile, source.MaxTotal-r.read) }

// file reads one file within what is left to read.
func (r *reader) file(path string) ([]byte, error) {
	content, err := source.Read(r.ctx, path, r.mayRead())
	if err == nil {
		r.read += int64(len(content))
	}
	return content, err
}

// maxFiles bounds the *.hcl of a directory.
const maxFiles = 10_000

// ConfigFiles returns the *.hcl directly in a directory, sorted: what a configuration
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

// include returns what the function file() reads, and whether that lies outside the
// directory. What does is as secret as the environment: a server's keys lie
// there, and whoever may change the configuration may not see them.
func (r *reader) include(name string) (content string, outside bool, err error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	within, err := source.Within(r.dir, path)
	if err != nil {
		return "", !within, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if !within && r.offline {
		return "", true, nil
	}
	bytes, ok := r.included[path]
	if !ok {
		bytes, err = r.file(path)
		switch {
		case errors.Is(err, source.ErrTooLarge) && r.mayRead() < source.MaxFile:
			return "", !within, fmt.Errorf("cannot read %s: the configuration is larger than %s", name, source.Size(source.MaxTotal))
		case errors.Is(err, source.ErrTooLarge):
			return "", !within, fmt.Errorf("cannot read %s: it is larger than %s", name, source.Size(source.MaxFile))
		case err != nil:
			return "", !within, fmt.Errorf("cannot read %s: %w", name, err)
		}
		r.included[path] = bytes
	}
	if !utf8.Valid(bytes) {
		return "", !within, fmt.Errorf("%s is not UTF-8 text", name)
	}
	return string(bytes), !within, nil
}

// generation returns the digest of files, and of all that file() read. Names and lengths
// are part of it, so that no content can pass for another file's.
func (r *reader) generation(p *parsed) string {
	h := sha256.New()
	for _, path := range p.order {
		fmt.Fprintf(h, "hcl %q %d\n", filepath.Base(path), len(p.files[path].bytes))
		h.Write(p.files[path].bytes)
	}
	for _, path := range r.includedFiles() {
		name, err := filepath.Rel(r.dir, path)
		if err != nil {
			name = path
		}
		fmt.Fprintf(h, "file %q %d\n", filepath.ToSlash(name), len(r.included[path]))
		h.Write(r.included[path])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (r *reader) includedFiles() []string {
	paths := make([]string, 0, len(r.included))
	for path := range r.included {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
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

// reason returns why a file could not be read, without the path that the message
// has anyway.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}
