package daemon

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"
)

// gitTimeout bounds each question to git: a slow disk must not hold up a
// start or a reload.
const gitTimeout = 2 * time.Second

// gitCommit returns the commit of the git repository that dir lies in, with
// "-dirty" where dir's files differ from it; empty where there is no
// repository, no commit yet or no git.
func gitCommit(ctx context.Context, dir string) string {
	head, err := git(ctx, dir, "rev-parse", "--verify", "--quiet", "HEAD")
	if err != nil || head == "" {
		return ""
	}
	changes, err := git(ctx, dir, "status", "--porcelain", "--untracked-files=normal", "--", "*.hcl")
	if err == nil && changes != "" {
		head += "-dirty"
	}
	return head
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	// The repository's own configuration may name a program as its file
	// monitor; asking for a commit must start none.
	args = append([]string{"-c", "core.fsmonitor=false", "-C", dir}, args...)
	command := exec.CommandContext(ctx, "git", args...)
	command.WaitDelay = gitTimeout
	command.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	out, err := command.Output()
	return strings.TrimSpace(string(out)), err
}
