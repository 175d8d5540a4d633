package ruletest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/rules"
)

func loadRules(t testing.TB) *rules.Set {
	t.Helper()
	text, err := os.ReadFile("testdata/rules.hcl")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	set, found := rules.Load(t.Context(), dir, rules.Options{
		Systems: []connectors.System{incidentio.System(), servicenow.System(), jira.System()}, Offline: true,
	})
	if set == nil {
		t.Fatal(found)
	}
	return set
}

// story plays days in which things happen and days in which nothing does, and
// returns what was written, day by day.
func story(t *testing.T, set *rules.Set, prepare func(*play)) []string {
	t.Helper()
	p, err := newPlay(context.Background(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	prepare(p)
	archive, err := txtar.ParseFile("testdata/records.txtar")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) ([]byte, error) {
		i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == name })
		return archive.Files[i].Data, nil
	}
	var told []string
	for _, line := range []string{
		"create incident.json", "create twice.json", "create follow_up.json", "writes", "advance 5h",
		"edit title=Other", "advance 9h", "writes", "use 01TWICE", "source delete", "advance 9m", "writes", "advance 2m", "writes",
		"advance 1d", "use 01INCIDENT", "ticket delete", "edit name=x", "advance 1h", "writes",
	} {
		c := &call{args: strings.Fields(line)[1:], read: read}
		if err := commands()[strings.Fields(line)[0]].run(p, c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		told = append(told, p.clock.Now().Format(time.DateTime)+" "+line, c.out.String())
	}
	for _, thing := range p.world.inOrder() {
		told = append(told, thing.record.Ref.String()+" "+thing.record.UpdatedAt.Format(time.DateTime))
	}
	return told
}

// TestPassingOverChangesNothing: where the clock stops at every wait, the same
// happens at the same time.
func TestPassingOverChangesNothing(t *testing.T) {
	set := loadRules(t)
	quick := story(t, set, func(*play) {})
	steps := uint64(0)
	slow := story(t, set, func(p *play) {
		p.clock.happened = func() uint64 { steps++; return steps }
	})
	if !slices.Equal(quick, slow) {
		t.Errorf("%s\n\nand slowly\n\n%s", strings.Join(quick, "\n"), strings.Join(slow, "\n"))
	}
	if steps < 3000 {
		t.Errorf("the clock was asked only %d times: was it slow at all?", steps)
	}
}

// TestAdvisors: a connector is made although no secret is there, and tells the
// moves that its system does not take.
func TestAdvisors(t *testing.T) {
	set := loadRules(t)
	closed := connectors.Record{
		Ref:    connectors.Collection{Type: "servicenow", Connector: "itsm", Record: "incident"}.Ref("1"),
		Fields: map[string]any{"state": int64(7)},
	}
	for _, name := range []string{"acme", "itsm"} {
		advisor := advisorOf(set.Connectors[name])
		checker, ok := advisor.(connectors.TransitionChecker)
		if !ok {
			t.Errorf("%s: %T is not a TransitionChecker", name, advisor)
		} else if name == "itsm" && checker.CanTransition(closed, "2") {
			t.Error("a closed ticket may be reopened")
		}
	}
	if settings := set.Connectors["acme"].Settings.(*incidentio.Settings); settings.APIKey.Reveal() != "" {
		t.Error("the configuration was changed")
	}
}
