package main

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
)

// cmdUntilFollowed runs lockstep decisions -f with the arguments before "--" until it has
// printed a line for each text after it, in order, while the daemon goes on.
func (p *play) cmdUntilFollowed(args []string) {
	at := 0
	for at < len(args) && args[at] != "--" {
		at++
	}
	if at >= len(args)-2 {
		p.ts.Fatalf("until-followed [FLAGS] -- INCIDENT TEXT…")
	}
	binary := filepath.Join(strings.SplitN(p.ts.Getenv("PATH"), ":", 2)[0], "lockstep")
	follower := exec.Command(binary, append([]string{"decisions", "-f"}, args[:at]...)...)
	follower.Dir = p.work
	follower.Env = []string{"LOCKSTEP_ADMIN=" + p.ts.Getenv("LOCKSTEP_ADMIN")}
	out, err := follower.StdoutPipe()
	p.ts.Check(err)
	p.ts.Check(follower.Start())
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	defer func() {
		_ = follower.Process.Kill() // it follows for ever
		for range lines {
		}
		_ = follower.Wait() // killed, as asked
	}()
	edited := false
	for _, text := range args[at+2:] {
		p.until("followed: "+text, func() bool {
			select {
			case line, ok := <-lines:
				if !ok {
					p.ts.Fatalf("it ended before %q", text)
				}
				return strings.Contains(line, text)
			default:
				return false
			}
		})
		if !edited { // what was decided before came first
			edited = true
			p.incident("edit", args[at+1], []string{"name=Followed"})
			p.deliver()
		}
	}
}
