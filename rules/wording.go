package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors/nearest"
	"github.com/lockstep-sync/lockstep/rules/guarded"
)

// quote is a name in a message, its beginning if it is longer than any name is.
func quote(s string) string { return `"` + guarded.Shortened(s) + `"` }

// madeOfSecret says why a value is sensitive, and what comes of it where records are written.
const madeOfSecret = "It is made of env(), of a sensitive variable, or of a file outside the directory, and would be written where others can read it."

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func article(what string) string {
	if what == "" || what[0] == '"' {
		return what
	}
	switch what[0] {
	case 'a', 'e', 'i', 'o', 'u':
		return "an " + what
	}
	return "a " + what
}

// position returns how a message names another place.
func position(r hcl.Range) string {
	return fmt.Sprintf("%s:%d", filepath.ToSlash(r.Filename), r.Start.Line)
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) {
		return s // an acronym
	}
	return string(unicode.ToLower(r)) + s[n:]
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// capital makes a schema's explanation a sentence.
func capital(s string) string {
	if s == "" {
		return s
	}
	s = upperFirst(s)
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// suggest ends a detail: the name that was probably meant, or all there are.
func suggest(name string, known []string, what string) string {
	there := fmt.Sprintf("There is no %s %q", what, name)
	if near := nearest.Name(name, known); near != "" {
		return fmt.Sprintf("%s; did you mean %q?", there, near)
	}
	const few = 24
	if len(known) == 0 || len(known) > few {
		return there + "."
	}
	sorted := slices.Clone(known)
	slices.Sort(sorted)
	return there + ". Known: " + strings.Join(sorted, ", ") + "."
}

// sentences joins the parts of a detail.
func sentences(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// suggestFor is suggest for a name that may be secret.
func suggestFor(name guarded.String, known []string, what string) string {
	if name.Sensitive() {
		return "There is no such " + what + "."
	}
	return suggest(name.Reveal(), known, what)
}
