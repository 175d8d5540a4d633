package main

import (
	"regexp"
	"strings"
)

// cmdUntilOutput waits until what a command prints matches. Its exit status does not
// matter.
func (p *play) cmdUntilOutput(args []string) {
	want, err := regexp.Compile("(?m)" + args[0])
	p.ts.Check(err)
	p.until(strings.Join(args[1:], " ")+" prints "+args[0], func() bool {
		_ = p.ts.Exec(args[1], args[2:]...)
		return want.MatchString(p.ts.ReadFile("stdout"))
	})
}

// cmdOpenIssue has somebody open an issue by hand.
func (p *play) cmdOpenIssue(args []string) {
	fields := map[string]any{"issuetype": map[string]any{"name": "Bug"}}
	for _, pair := range args[1:] {
		key, value := p.keyValue(pair)
		fields[key] = value
	}
	_, err := p.issues.Open(args[0], "lisa", fields)
	p.ts.Check(err)
}
