package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// ErrLinks is returned for symbolic links that lead to no end.
var ErrLinks = errors.New("too many symbolic links")

// Resolve returns where a path leads, every link on the way followed as the system
// follows it. What is not there yet is taken as it is written.
func Resolve(path string) (string, error) {
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return "", err
		}
		path = here + string(filepath.Separator) + path // not joined: that would take ".." away
	}
	const maxLinks = 40 // as Linux has it
	root := filepath.VolumeName(path) + string(filepath.Separator)
	at, rest := root, elements(path[len(root):])
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", ErrLinks
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", bare(err)
		}
		if filepath.IsAbs(target) {
			at, target = root, strings.TrimPrefix(target, root)
		}
		rest = append(elements(target), rest...)
	}
	return at, nil
}

// elements returns the names of a path; ".." is one, for it leads elsewhere after a
// link than in the text.
func elements(path string) []string {
	var all []string
	for e := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if e != "" && e != "." {
			all = append(all, e)
		}
	}
	return all
}

// Within reports whether a path, links followed, is root or lies in it.
func Within(root, path string) (bool, error) {
	root, err := Resolve(root)
	if err != nil {
		return false, err
	}
	if path, err = Resolve(path); err != nil {
		return false, err
	}
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel), nil
}
