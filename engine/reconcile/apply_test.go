package reconcile

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOnlyApplyWrites: whoever writes to a system has it as one of the interfaces
// that can. Nothing of the engine but apply.go names one of them; the rest sees
// of a connector only what reads.
func TestOnlyApplyWrites(t *testing.T) {
	writing := []string{"Writer", "Target", "Commenter", "FileWriter", "WebLinker"}
	named := map[string]bool{}
	check := func(path string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := s.X.(*ast.Ident); ok && of.Name == "connectors" && slices.Contains(writing, s.Sel.Name) {
				if named[s.Sel.Name] = true; filepath.Base(path) != "apply.go" {
					t.Errorf("%s names connectors.%s: only apply.go writes to systems", path, s.Sel.Name)
				}
			}
			return true
		})
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "ruletest": // which is the systems, in memory
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			check(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range writing {
		if !named[name] {
			t.Errorf("apply.go does not name connectors.%s: this test looks for the wrong names", name)
		}
	}
}
