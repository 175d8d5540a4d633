package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A set says which directories to watch, and in each which names matter.
// Directories are watched and not files: an editor renames a new file over the
// old one, and a watch on the old one would see nothing any more.
type set map[string]map[string]bool

// configFile is the pattern of names that matter in the configuration
// directory whatever was there before.
const configFile = ".hcl"

// newSet returns what to watch for a configuration: the directory, the files
// that were read, and every directory on the way in which a symbolic link
// could be pointed elsewhere (Kubernetes swaps "..data", deployments swap
// "current").
func newSet(dir string, files []string) set {
	w := set{}
	if resolved := w.follow(dir); resolved != "" {
		w.add(resolved, configFile)
		entries, _ := os.ReadDir(resolved) // what cannot be read is a load error, said there
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), configFile) {
				w.follow(filepath.Join(resolved, e.Name()))
			}
		}
	}
	for _, f := range files {
		w.follow(f)
	}
	return w
}

func (w set) add(dir, name string) {
	if w[dir] == nil {
		w[dir] = map[string]bool{}
	}
	w[dir][name] = true
}

// follow walks path as the system would, adds each link on the way and the
// place where it ends, and returns that place; empty if it cannot be told.
func (w set) follow(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	const maxLinks = 40 // as Linux has it
	for range maxLinks {
		link, rest, ok := firstLink(path)
		if !ok {
			w.add(filepath.Dir(path), filepath.Base(path))
			return path
		}
		w.add(filepath.Dir(link), filepath.Base(link))
		target, err := os.Readlink(link)
		if err != nil {
			return ""
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		path = filepath.Join(target, rest)
	}
	return ""
}

// firstLink splits path at its first part that is a symbolic link.
func firstLink(path string) (link, rest string, found bool) {
	parts := strings.Split(strings.TrimPrefix(path, string(filepath.Separator)), string(filepath.Separator))
	at := string(filepath.Separator)
	for i, part := range parts {
		at = filepath.Join(at, part)
		info, err := os.Lstat(at)
		if err != nil {
			return "", "", false
		}
		if info.Mode()&os.ModeSymlink != 0 {
			return at, filepath.Join(parts[i+1:]...), true
		}
	}
	return "", "", false
}

// matters reports whether an event at path is about the configuration.
func (w set) matters(path string) bool {
	names, dir := w[filepath.Dir(path)], w[path]
	if dir != nil {
		return true // the directory itself came or went
	}
	return names[filepath.Base(path)] || names[configFile] && strings.HasSuffix(path, configFile)
}

// Fingerprint returns what can be told of the files without reading them: it
// changes when their bytes may have.
func Fingerprint(dir string, files []string) string {
	entries, _ := filepath.Glob(filepath.Join(escapeGlob(dir), "*"+configFile)) // the pattern is well formed
	all := slices.Concat(entries, files)
	slices.Sort(all)
	return Stamps(slices.Compact(all)...)
}

// Stamps returns what can be told of files without reading them.
func Stamps(files ...string) string {
	var b strings.Builder
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			fmt.Fprintf(&b, "%s missing\n", f)
			continue
		}
		fmt.Fprintf(&b, "%s %d %d %s\n", f, info.Size(), info.ModTime().UnixNano(), inode(info))
	}
	return b.String()
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
