package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"
)

// A clone is the folder in which a newcomer follows the README, and the shell's
// environment there.
type clone struct {
	dir string
	env []string
}

// newClone makes a folder that looks like a clone of the repository whose binary is
// built: it is this test's own, and "make" is kept from building another.
func newClone(t *testing.T) *clone {
	t.Helper()
	for _, needed := range []string{"sh", "make", "git", "curl"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("the README's commands are not run: there is no %s here", needed)
		}
	}
	c := &clone{dir: t.TempDir()}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Makefile", "examples", "README.md"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(c.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(commandsIn(t), filepath.Join(c.dir, "bin")); err != nil {
		t.Fatal(err)
	}
	c.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "GO=true", "TMPDIR=" + t.TempDir()}
	return c
}

func (c *clone) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	return cmd
}

// run runs a line to its end.
func (c *clone) run(t *testing.T, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := c.command(ctx, line).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v:\n%s", line, err, out)
	}
	return string(out)
}

// start runs a line that does not end by itself, until the test ends, and waits until
// it has printed something.
func (c *clone) start(t *testing.T, line, until string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd, out := c.command(ctx, line), &daemontest.Log{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("%s:\n%s", line, out)
		}
	})
	daemontest.Eventually(t, line+" prints "+until, func() bool { return strings.Contains(out.String(), until) })
	return out.String()
}

// follow does what the README says, line by line. It returns how many lines it ran.
func (c *clone) follow(t *testing.T, blocks [][]string) (ran int) {
	t.Helper()
	for _, block := range blocks {
		for _, line := range block {
			bare, _, _ := strings.Cut(line, " #")
			switch bare = strings.TrimSpace(bare); {
			case strings.HasPrefix(bare, "git clone "), bare == "cd lockstep":
				t.Logf("not run, as it needs the internet: %s", line)
				continue
			case strings.Contains(bare, " run -sandbox "):
				c.sandbox(t, line)
			case strings.HasSuffix(bare, " -f"):
				c.start(t, line, "INC-1")
			default:
				c.run(t, line)
			}
			ran++
		}
	}
	return ran
}

// sandbox starts a daemon on simulated systems, and pastes what it prints to the
// second terminal, if it is the first: the rest of the page asks that one.
func (c *clone) sandbox(t *testing.T, line string) {
	t.Helper()
	text := c.start(t, line, lastPrinted)
	if strings.Contains(strings.Join(c.env, " "), "LOCKSTEP_ADMIN") {
		return
	}
	c.env = append(c.env, regexp.MustCompile(`(?m)^export (LOCKSTEP_ADMIN=\S+)$`).FindStringSubmatch(text)[1])
	sh := newShell(t)
	var look string
	for _, step := range printedSteps(text) {
		switch {
		case strings.Contains(step.What, "declare") || strings.Contains(step.What, "take INC-1"):
			sh.run(t, step.Command)
		case strings.HasPrefix(step.What, "incident.io: look"):
			look = step.Command
		case strings.Contains(step.What, "take the first one"):
			shows(t, func() string { sh.run(t, step.Command); return sh.run(t, `echo "ticket $TICKET"`) }, "ticket e", "the incident's ticket")
		case strings.HasPrefix(step.What, "ServiceNow: "):
			sh.run(t, step.Command)
		}
	}
	shows(t, func() string { return sh.run(t, look) }, "The cache is full.", "the work note")
	shows(t, func() string { return sh.run(t, look) }, `"name":"Documenting"`, "the resolution")
}

var fenced = regexp.MustCompile("(?ms)^```(sh|hcl)\n(.*?)^```$")

// TestReadme does what the README's first page says, as it is written: the commands
// run, in their order, and the configuration is written where it says.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	c := newClone(t)
	var blocks [][]string
	for _, found := range fenced.FindAllStringSubmatch(string(readme), -1) {
		if found[1] == "hcl" {
			daemontest.WriteFile(t, filepath.Join(c.dir, "itsm", "main.hcl"), found[2])
			continue
		}
		blocks = append(blocks, strings.Split(strings.TrimSpace(found[2]), "\n"))
	}
	const least = 20
	if ran := c.follow(t, blocks); ran < least {
		t.Errorf("%d commands were run; are there some that the test does not see?", ran)
	}
	if links := c.run(t, "bin/lockstep links"); !strings.Contains(links, "INC-1 ") || !strings.Contains(links, "INC0010001") {
		t.Errorf("the newcomer's incident has no ticket:\n%s", links)
	}
}
