package rules

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// proveUses warns of variables, locals and state tables that nothing names.
// It looks at the text of the files, not at what was compiled of it: a name in
// a template that nobody uses, or in a text that file() reads, is a use, too.
// What is wrong otherwise may hide a use, so it is asked last.
func proveUses(m *model, f *findings) {
	if f.errors() > 0 {
		return
	}
	if len(m.routes) == 0 && len(m.files.order) > 0 {
		f.warn(hcl.Range{Filename: m.files.order[0], Start: hcl.InitialPos, End: hcl.InitialPos}, "no routes: nothing is kept in step",
			"A route says which records get tickets: route \"NAME\" { source = TYPE.CONNECTOR.RECORD, templates = [template.NAME] }.")
	}
	used := m.namesUsed()
	unused := func(kind, name string) bool { return !used[kind+"."] && !used[kind+"."+name] }
	for _, name := range sortedKeys(m.variables) {
		if unused("var", name) {
			f.warn(m.variables[name].at, fmt.Sprintf("nothing uses variable %q", name),
				fmt.Sprintf("Write var.%s where its value is needed, or delete the block.", name))
		}
	}
	for _, name := range sortedKeys(m.locals) {
		if unused("local", name) {
			f.warn(m.locals[name].at, fmt.Sprintf("nothing uses local %q", name),
				fmt.Sprintf("Write local.%s where its value is needed, or delete the line.", name))
		}
	}
	for _, name := range sortedKeys(m.tables) {
		if unused("state_table", name) {
			f.warn(m.tables[name].at, fmt.Sprintf("no template uses state table %q", name),
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

// namesUsed returns the names that the configuration uses, as "local.NAME", and
// "local." where one is chosen by a key that is worked out.
func (m *model) namesUsed() map[string]bool {
	used := map[string]bool{}
	look := func(text []byte) {
		for rest := text; ; {
			found := nameUse.FindSubmatchIndex(rest)
			if found == nil {
				break
			}
			kind, at := string(rest[found[2]:found[3]]), found[4:6]
			if at[0] < 0 {
				at = found[6:8]
			}
			name := string(rest[at[0]:at[1]])
			used[kind+"."+name] = true
			if before, _, cut := strings.Cut(name, "-"); cut {
				used[kind+"."+before] = true
			}
			rest = rest[found[3]:] // what seems to be the name may hold another reference
		}
		for _, found := range wholeUse.FindAllSubmatch(text, -1) {
			used[string(found[1])+"."] = true
		}
	}
	for _, path := range m.files.order {
		src := m.files.files[path]
		look(src.code)
		_ = hclsyntax.VisitAll(src.body, func(n hclsyntax.Node) hcl.Diagnostics {
			if e, ok := n.(*hclsyntax.ScopeTraversalExpr); ok && len(e.Traversal) == 1 {
				used[e.Traversal.RootName()+"."] = true
			}
			return nil
		})
	}
	for _, content := range m.included {
		look(content)
	}
	for _, v := range m.variables {
		look([]byte(v.text))
	}
	return used
}
