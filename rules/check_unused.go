package rules

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// checkNothingUses warns of variables, locals and state tables that nothing names.
// It looks at the text of the files, not at what was compiled of it: a name in
// a template that nobody uses, or in a text that file() reads, is a use, too.
// What is wrong otherwise may hide a use, so it is asked last.
func (l *loader) checkNothingUses() {
	if l.errors() > 0 {
		return
	}
	used := l.namesUsed()
	unused := func(kind, name string) bool { return !used[kind+"."] && !used[kind+"."+name] }
	for _, name := range sortedKeys(l.variables) {
		if unused("var", name) {
			l.warn(l.variables[name].at, fmt.Sprintf("nothing uses variable %q", name),
				fmt.Sprintf("Write var.%s where its value is needed, or delete the block.", name))
		}
	}
	for _, name := range sortedKeys(l.locals) {
		if unused("local", name) {
			l.warn(l.locals[name].at, fmt.Sprintf("nothing uses local %q", name),
				fmt.Sprintf("Write local.%s where its value is needed, or delete the line.", name))
		}
	}
	for _, name := range sortedKeys(l.tables) {
		if unused("state_table", name) {
			l.warn(l.tables[name].at, fmt.Sprintf("no template uses state table %q", name),
				fmt.Sprintf("Name it in a template: state { table = state_table.%s }. Or delete the block.", name))
		}
	}
}

// A name is a reference as HCL or CEL writes it: local.NAME or local['NAME'].
// Within CEL a name ends before "-", which is HCL's alone.
var (
	nameUse  = regexp.MustCompile(`\b(var|local|state_table)\s*(?:\.\s*([\pL\pN_-]+)|\[\s*\\?["']([\pL\pN_-]+)\\?["']\s*\])`)
	wholeUse = regexp.MustCompile(`\b(var|local)\s*\[\s*[^"'\s\\]`)
)

// namesUsed are the names that the configuration uses, as "local.NAME", and
// "local." where one is chosen by a key that is worked out.
func (l *loader) namesUsed() map[string]bool {
	used := map[string]bool{}
	look := func(text []byte) {
		for rest := text; ; {
			m := nameUse.FindSubmatchIndex(rest)
			if m == nil {
				break
			}
			kind, at := string(rest[m[2]:m[3]]), m[4:6]
			if at[0] < 0 {
				at = m[6:8]
			}
			name := string(rest[at[0]:at[1]])
			used[kind+"."+name] = true
			if before, _, cut := strings.Cut(name, "-"); cut {
				used[kind+"."+before] = true
			}
			rest = rest[m[3]:] // what seems to be the name may hold another reference
		}
		for _, m := range wholeUse.FindAllSubmatch(text, -1) {
			used[string(m[1])+"."] = true
		}
	}
	for _, path := range l.order {
		src := l.sources[path]
		look(src.code)
		_ = hclsyntax.VisitAll(src.body, func(n hclsyntax.Node) hcl.Diagnostics {
			if e, ok := n.(*hclsyntax.ScopeTraversalExpr); ok && len(e.Traversal) == 1 {
				used[e.Traversal.RootName()+"."] = true
			}
			return nil
		})
	}
	for _, content := range l.included {
		look(content)
	}
	for name := range l.variables {
		value, _, _ := l.given(name)
		look([]byte(value))
	}
	return used
}
