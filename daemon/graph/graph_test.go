package graph_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/daemon/graph"
	"github.com/lockstep-sync/lockstep/rules"
)

var update = flag.Bool("update", false, "rewrite testdata")

// The starter's picture, with its conditions and what its templates extend.
func TestStarter(t *testing.T) {
	set, found := rules.Load(t.Context(), "../../examples/starter", rules.Options{
		Systems: []connectors.System{incidentio.System(), servicenow.System(), jira.System()}, Offline: true,
	})
	if set == nil {
		t.Fatal(found)
	}
	p, err := graph.New(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	for file, got := range map[string]string{"testdata/starter.mermaid": p.Mermaid(), "testdata/starter.dot": p.Dot()} {
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n%s", file, got)
		}
	}
}

// What people write in conditions and names ends no text early.
func TestQuoting(t *testing.T) {
	p := graph.Picture{Routes: []graph.Route{{Name: "r", Source: "s", Templates: []graph.Template{{
		Name: "t", Target: "j", When: "a[\"b\"] < 'c\\n' &&\n #quot; `é🙂` \\",
	}}}}}
	if got, want := p.Mermaid(), `r0t0["1: t<br/>a[#quot;b#quot;] #lt; 'c#92;n' #amp;#amp; #35;quot; #96;é🙂#96; #92;"]`; !strings.Contains(got, want) {
		t.Errorf("%s\nhas no\n%s", got, want)
	}
	if got, want := p.Dot(), `r0t0 [label="1: t\na[\"b\"] < 'c\\n' &amp;&amp; #quot; `+"`é🙂`"+` \\"]`; !strings.Contains(got, want) {
		t.Errorf("%s\nhas no\n%s", got, want)
	}
	p.Routes[0].Templates[0].When = strings.Repeat("ä", 100)
	if got := p.Dot(); !strings.Contains(got, `\n`+strings.Repeat("ä", 59)+`…"`) {
		t.Errorf("not cut: %s", got)
	}
}
