package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"
)

// A workflow is what GitHub reads of a file, as far as lockstep init writes it.
type workflow struct {
	Name        string
	On          map[string]any
	Permissions map[string]string
	Env         map[string]string
	Jobs        map[string]struct {
		RunsOn string `yaml:"runs-on"`
		Steps  []struct {
			Name, ID, If, Uses, Run string
			With, Env               map[string]string
		}
	}
}

// scripts returns the shell scripts of a workflow, by the names of their steps, once
// it is one that GitHub takes.
func (w *workflow) scripts(t *testing.T) map[string]string {
	t.Helper()
	if w.Name == "" || len(w.Jobs) != 1 {
		t.Errorf("name %q, %d jobs", w.Name, len(w.Jobs))
	}
	for _, event := range []string{"push", "pull_request"} {
		if _, there := w.On[event]; !there {
			t.Errorf("it does not run on %s", event)
		}
	}
	if w.Permissions["contents"] != "read" || w.Permissions["pull-requests"] != "write" {
		t.Errorf("permissions %v", w.Permissions)
	}
	scripts := map[string]string{}
	cached, ids := false, map[string]bool{}
	for name, job := range w.Jobs {
		if job.RunsOn == "" {
			t.Errorf("job %s runs nowhere", name)
		}
		for _, step := range job.Steps {
			if (step.Uses == "") == (step.Run == "") {
				t.Errorf("step %q: either uses or run: %q, %q", step.Name, step.Uses, step.Run)
			}
			if step.Uses != "" && !regexp.MustCompile(`^actions/(checkout|setup-go|cache)@v\d+$`).MatchString(step.Uses) {
				t.Errorf("step %q uses %s", step.Name, step.Uses)
			}
			if strings.HasPrefix(step.Uses, "actions/cache@") {
				cached = strings.Contains(step.With["key"], "LOCKSTEP_VERSION") && strings.HasSuffix(step.With["path"], "/lockstep")
			}
			for _, found := range regexp.MustCompile(`steps\.(\w+)\.`).FindAllStringSubmatch(step.If, -1) {
				if !ids[found[1]] {
					t.Errorf("step %q asks %s, which is no step before it", step.Name, found[1])
				}
			}
			ids[step.ID] = true
			if step.Run != "" {
				scripts[step.Name] = step.Run
			}
		}
	}
	if !cached {
		t.Error("lockstep is not cached by its version")
	}
	return scripts
}

// The workflow that lockstep init writes holds where it is to run: every script of it
// runs here as GitHub runs it, with what GitHub gives it, and with the decisions of a
// daemon.
func TestStarterWorkflow(t *testing.T) {
	for _, needed := range []string{"bash", "git", "sed"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("the workflow is not run: there is no %s here", needed)
		}
	}
	dir := filepath.Join(t.TempDir(), "rules")
	if status, _, stderr := lockstep(t, "", "init", dir); status != 0 {
		t.Fatal(stderr)
	}
	text, err := os.ReadFile(filepath.Join(dir, ".github/workflows/lockstep.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := yaml.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	scripts := w.scripts(t)

	runner := t.TempDir()
	bin := commandsIn(t)
	bash := func(script string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + runner, "RUNNER_TEMP=" + runner, "LOCKSTEP_VERSION=" + w.Env["LOCKSTEP_VERSION"],
			"GITHUB_STEP_SUMMARY=" + runner + "/summary", "GITHUB_OUTPUT=" + runner + "/output",
			"GIT_AUTHOR_NAME=Lisa", "GIT_AUTHOR_EMAIL=lisa@acme.example", "GIT_COMMITTER_NAME=Lisa", "GIT_COMMITTER_EMAIL=lisa@acme.example",
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s\n%s", err, script, out)
		}
		return string(out)
	}
	// What go install is asked for is a command of this module.
	path := regexp.MustCompile(`^go install "(\S+)@\$LOCKSTEP_VERSION"$`).FindStringSubmatch(strings.TrimSpace(scripts["Install lockstep"]))
	module, err := os.ReadFile("../../go.mod")
	if err != nil || path == nil {
		t.Fatalf("%v, %q", err, scripts["Install lockstep"])
	}
	name := strings.Fields(string(module))[1]
	if _, err := os.Stat(filepath.Join("../..", strings.TrimPrefix(path[1], name), "main.go")); err != nil {
		t.Errorf("%s is not installed from anything: %v", path[1], err)
	}

	for _, step := range []string{"Canonical style", "Types and names", "Rule tests"} {
		bash(scripts[step])
	}
	// Without decisions there is no plan, and the step passes.
	bash("git init -q -b main . && git add . && git commit -qm start && git remote add origin .")
	bash(scripts["Plan"])
	if _, err := os.Stat(runner + "/output"); err == nil {
		t.Error("there is a plan of nothing")
	}
	daemontest.WriteFile(t, filepath.Join(runner, "journal.jsonl"), decidedAtStart(t, dir))
	bash("git checkout -q --orphan journal && git rm -q -r --cached . && cp $RUNNER_TEMP/journal.jsonl . && git add journal.jsonl && git commit -qm journal && git checkout -q -f main")
	rules := filepath.Join(dir, "incidents.hcl")
	old, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	daemontest.WriteFile(t, rules, strings.Replace(string(old), "impact    = 2", "impact    = 1", 1))
	bash(scripts["Plan"])
	if plan, err := os.ReadFile(runner + "/plan.md"); err != nil || !strings.Contains(string(plan), "    ") || !strings.Contains(string(plan), "impact") {
		t.Errorf("the plan is %v:\n%s", err, plan)
	}
	for file, want := range map[string]string{"output": "made=true\n", "summary": "impact"} {
		if text, err := os.ReadFile(filepath.Join(runner, file)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, %s", file, err, text)
		}
	}
	if comment := scripts["Comment the plan"]; !strings.HasPrefix(comment, "gh pr comment ") || !strings.Contains(comment, `--body-file "$RUNNER_TEMP/plan.md"`) {
		t.Errorf("the plan is not the comment: %s", comment)
	}
}

// commandsIn returns a folder with lockstep in it, which is this test's own binary.
func commandsIn(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "lockstep")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// decidedAtStart returns the journal of a daemon on a new configuration, in which one
// incident got its ticket.
func decidedAtStart(t *testing.T, dir string) string {
	t.Helper()
	text := started(t, lastPrinted, "run", "-sandbox", dir).String()
	admin := regexp.MustCompile(`export LOCKSTEP_ADMIN=(\S+)`).FindStringSubmatch(text)[1]
	newShell(t).run(t, printedSteps(text)[0].Command)
	journal := ""
	daemontest.Eventually(t, "a decision", func() bool {
		_, journal, _ = lockstep(t, "", "journal", "export", "-admin", admin)
		return strings.Contains(journal, "create")
	})
	return journal
}
