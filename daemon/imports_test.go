package daemon_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/lockstep-sync/lockstep/"

// A layer is what the files of the folders that match may import: of this
// module only what is allowed, of the rest everything but what is forbidden.
// The first layer that matches counts. A pattern that ends in "/" matches
// folders below it, "*" one element.
type layer struct {
	folders []string
	allowed []string
	// forbidden are prefixes of import paths.
	forbidden []string
}

var (
	nats = []string{"github.com/nats-io/"}
	hcl  = []string{"github.com/hashicorp/hcl", "github.com/zclconf/go-cty"}
	cel  = []string{"github.com/google/cel-go", "cel.dev/"}
)

func layers() []layer {
	return []layer{
		{folders: []string{"connectors"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"connectors/transport"}, allowed: []string{"connectors"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"connectors/markdown/steps"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"connectors/markdown/parse"}, allowed: []string{"connectors/markdown/steps"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"connectors/markdown"}, allowed: []string{"connectors/markdown/adf", "connectors/markdown/parse", "connectors/markdown/steps"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"connectors/markdown/adf"}, allowed: []string{"connectors/markdown/parse", "connectors/markdown/steps"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		// A simulator stands for the vendor: it shares nothing with the client
		// that it is to test.
		{folders: []string{"connectors/*/*test"}, allowed: []string{"connectors/simulator"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"connectors/cache"}, allowed: []string{"connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		// The frame: what the connectors have in common. It knows no system.
		{folders: []string{"connectors/nearest", "connectors/paging", "connectors/polling", "connectors/resolve", "connectors/values"}, allowed: []string{"connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"connectors/standardwebhooks"}, allowed: []string{"connectors"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"connectors/oauth"}, allowed: []string{"connectors", "connectors/transport"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"connectors/advice"}, allowed: []string{"connectors", "connectors/values"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"connectors/conformance"}, allowed: []string{"connectors", "connectors/simulator"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"connectors/simulator"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"connectors/*"}, allowed: []string{"connectors", "connectors/transport", "connectors/markdown", "connectors/markdown/adf", "connectors/advice", "connectors/cache", "connectors/nearest", "connectors/oauth", "connectors/paging", "connectors/polling", "connectors/resolve", "connectors/standardwebhooks", "connectors/values"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"rules/source"}, forbidden: slices.Concat(nats, cel, []string{"net/http", "os/exec"})},
		{folders: []string{"rules/budget"}, allowed: []string{"rules/source"}, forbidden: slices.Concat(nats, cel, []string{"net/http", "os/exec"})},
		{folders: []string{"rules/expr"}, allowed: []string{"rules/source", "rules/budget", "connectors", "connectors/nearest"}, forbidden: slices.Concat(nats, []string{"net/http", "os/exec"})},
		{folders: []string{"rules/cycles", "rules/guarded"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http", "os/exec"})},
		{folders: []string{"rules/visible"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"rules"}, allowed: []string{"rules/*", "connectors", "connectors/nearest"}, forbidden: slices.Concat(nats, []string{"net/http", "os/exec"})},
		{folders: []string{"engine/store"}, allowed: []string{"connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/links"}, allowed: []string{"engine/store", "rules", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/plan"}, allowed: []string{"engine/deadletter", "engine/links", "rules", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/breaker"}, allowed: []string{"engine/store", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/deadletter"}, allowed: []string{"engine/links", "engine/store", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/journal"}, allowed: []string{"engine/plan", "engine/store", "rules", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/absence"}, allowed: []string{"engine/breaker", "engine/links", "engine/store", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/pauses"}, allowed: []string{"engine/store"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/queue"}, allowed: []string{"engine/store", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/reconcile"}, allowed: []string{"engine/absence", "engine/breaker", "engine/deadletter", "engine/journal", "engine/links", "engine/pauses", "engine/plan", "engine/queue", "engine/store", "rules", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/intake"}, allowed: []string{"engine/breaker", "engine/deadletter", "engine/links", "engine/reconcile", "engine/store", "rules", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/backfill"}, allowed: []string{"engine/breaker", "engine/links", "engine/queue", "engine/reconcile", "engine/store", "rules", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/names"}, allowed: []string{"engine/breaker", "engine/deadletter", "engine/links", "engine/reconcile", "engine/store", "rules", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/storetest"}, allowed: []string{"engine/store", "connectors"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"engine/memory"}, allowed: []string{"engine/store", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/jetstream"}, allowed: []string{"engine/store", "connectors", "rules"}, forbidden: slices.Concat(hcl, cel, []string{"net/http"})},
		{folders: []string{"engine/ruletest"}, allowed: []string{"engine", "connectors/nearest", "connectors/resolve", "connectors/values", "engine/deadletter", "engine/links", "engine/memory", "engine/store", "connectors", "rules", "rules/source"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"engine"}, allowed: []string{"connectors/resolve", "engine/backfill", "engine/intake", "engine/names", "engine/reconcile", "engine/queue", "engine/deadletter", "engine/journal", "engine/breaker", "engine/pauses", "engine/plan", "engine/links", "engine/store", "rules", "connectors"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"examples"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"daemon/embed"}, allowed: []string{"connectors"}, forbidden: slices.Concat(hcl, cel)},
		{folders: []string{"daemon/graph"}, allowed: []string{"rules", "connectors"}, forbidden: slices.Concat(nats, cel, []string{"net/http"})},
		{folders: []string{"daemon/simulators"}, allowed: []string{"connectors/*/*test"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"daemon/demo"}, allowed: []string{"daemon", "daemon/admin", "daemon/simulators", "engine", "engine/*", "rules", "rules/visible", "connectors", "connectors/*/*test", "examples"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"daemon/watch", "daemon/systemd"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"daemon/socket"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		{folders: []string{"daemon/admin"}, allowed: []string{"daemon/socket", "engine", "engine/*", "rules", "rules/source", "rules/visible", "connectors"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"daemon/page"}, allowed: []string{"daemon/admin", "engine", "engine/*", "rules", "rules/visible", "connectors"}, forbidden: slices.Concat(nats, hcl, cel)},
		{folders: []string{"daemon"}, allowed: []string{"daemon/admin", "daemon/page", "daemon/embed", "daemon/socket", "daemon/systemd", "daemon/watch", "engine", "engine/*", "rules", "rules/visible", "connectors"}, forbidden: slices.Concat(hcl, cel)},
		{folders: []string{"daemon/daemontest"}, forbidden: slices.Concat(nats, hcl, cel, []string{"net/http"})},
		// Nothing but tests, which may import what they need.
		{folders: []string{"daemon/simulation"}},
		{folders: []string{"daemon/lockstep"}, allowed: []string{"daemon", "daemon/admin", "daemon/demo", "daemon/embed", "daemon/graph", "daemon/page", "daemon/simulators", "engine", "engine/*", "rules", "rules/source", "rules/visible", "connectors", "connectors/*", "connectors/*/*test", "examples"}, forbidden: slices.Concat(nats, hcl, cel)},
	}
}

func (l layer) takes(folder string) bool {
	return slices.ContainsFunc(l.folders, func(p string) bool { return matches(p, folder) })
}

func matches(pattern, folder string) bool {
	ok, err := filepath.Match(pattern, folder)
	return err == nil && ok
}

// against says why an import goes against the direction; empty if it does not.
func (l layer) against(path string) string {
	if local, ok := strings.CutPrefix(path, module); ok {
		if slices.ContainsFunc(l.allowed, func(p string) bool { return matches(p, local) }) {
			return ""
		}
		return "it may import of this module only " + strings.Join(l.allowed, ", ")
	}
	for _, prefix := range l.forbidden {
		if strings.HasPrefix(path, prefix) {
			return "it knows nothing of " + prefix
		}
	}
	return ""
}

// TestImportsRunOneWay holds daemon → engine → rules → connectors ← the
// systems. Tests may import what they need.
func TestImportsRunOneWay(t *testing.T) {
	checked := 0
	for _, i := range imports(t) {
		at := slices.IndexFunc(layers(), func(l layer) bool { return l.takes(i.folder) })
		if at < 0 {
			t.Errorf("%s: the folder has no layer; say in this test what it may import", i.folder)
			continue
		}
		if why := layers()[at].against(i.path); why != "" {
			t.Errorf("%s imports %s: %s", i.file, i.path, why)
		}
		checked++
	}
	if checked < 100 {
		t.Errorf("only %d imports were seen; is the repository elsewhere?", checked)
	}
}

// An imported is one import of a file that is not a test's.
type imported struct{ file, folder, path string }

func imports(t *testing.T) (all []imported) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && name != "..") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		folder, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all = append(all, imported{path, folder, target})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImportsAgainstTheDirectionAreSeen(t *testing.T) {
	for _, test := range []struct{ folder, path string }{
		{"connectors", module + "rules"},
		{"connectors", "github.com/hashicorp/hcl/v2"},
		{"connectors/jira", module + "connectors/servicenow"},
		{"connectors/jira/jiratest", module + "connectors/jira"},
		{"rules", module + "engine"},
		{"rules", "net/http"},
		{"engine", module + "daemon"},
		{"engine", module + "connectors/servicenow"},
		{"engine", "github.com/nats-io/nats.go"},
		{"engine/ruletest", module + "connectors/servicenow"},
		{"engine/store", module + "engine"},
		{"engine/links", module + "engine"},
		{"engine/plan", module + "engine/reconcile"},
		{"engine/reconcile", module + "engine"},
		{"engine/deadletter", module + "engine"},
		{"engine/journal", module + "engine"},
		{"engine/breaker", module + "engine"},
		{"engine/plan", module + "engine"},
		{"engine/jetstream", module + "engine"},
		{"daemon", module + "connectors/incidentio"},
	} {
		at := slices.IndexFunc(layers(), func(l layer) bool { return l.takes(test.folder) })
		if at < 0 || layers()[at].against(test.path) == "" {
			t.Errorf("%s may import %s", test.folder, test.path)
		}
	}
}
