package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/lockstep-sync/lockstep/rules"
)

// hostileFiles returns the files that a configuration must survive: how each is made, and
// what is said of it.
func hostileFiles() []struct {
	name string
	make func(path string) error
	want string
} {
	rep := strings.Repeat
	text := func(s string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(s), 0o600) }
	}
	local := func(e string) func(string) error { return text("locals {\n  hostile = " + e + "\n}\n") }
	var doubling strings.Builder
	doubling.WriteString("locals {\n  a0 = \"0123456789\"\n")
	for i := range 40 {
		fmt.Fprintf(&doubling, "  a%d = \"${local.a%d}${local.a%d}\"\n", i+1, i, i)
	}
	doubling.WriteString("}\n")
	rule := func(value string) func(string) error {
		return text("template \"hostile\" {\n  target = servicenow.itsm.incident\n  outbound { short_description = \"" + value + "\" }\n}\n")
	}
	const (
		deep = "nested more than 200 levels deep"
		big  = "the values that are made here take more than 16 MiB"
	)
	return []struct {
		name string
		make func(path string) error
		want string
	}{
		{"brackets", local(rep("[", 100_000)), deep},
		{"interpolations", local(rep(`"${`, 300_000)), deep},
		{"exclamation marks", local(rep("!", 1_000_000)), deep},
		{"brackets in CEL", rule("{{ " + rep("[", 20_000) + rep("]", 20_000) + " }}"), deep},
		{"a panic in CEL", rule("{{ {b'a': 'x'}[b'a'] }}"), "this cannot be worked out"},
		{"doubled locals", text(doubling.String()), big},
		{"loops", local("[for i in range(1000) : [for j in range(1000) : [for k in range(100) : i]]]"), big},
		{"format", local(`format("%1000000000d", 1)`), big},
		{"a number", local("1e1000000000"), "the number is too large"},
		{"file() of a device", local(`file("/dev/zero")`), "file(): cannot read /dev/zero: it is a device, not a regular file"},
		{"file() of a pipe", func(path string) error {
			pipe := filepath.Join(filepath.Dir(path), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil && !os.IsExist(err) {
				return err
			}
			return local(`file("pipe")`)(path)
		}, "file(): cannot read pipe: it is a named pipe, not a regular file"},
		{"a pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }, "cannot read the file: it is a named pipe, not a regular file"},
		{"a device", func(path string) error { return os.Symlink("/dev/zero", path) }, "cannot read the file: it is a device, not a regular file"},
		{"an endless link", func(path string) error { return os.Symlink(filepath.Base(path), path) }, "cannot read the file: too many levels of symbolic links"},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }, "cannot read the file: it is a directory, not a regular file"},
		{"UTF-16", text("\xff\xfea\x00"), "the file is encoded in UTF-16"},
		{"a NUL", text("locals {\x00}\n"), "a NUL byte in the file"},
		{"a long comment", text(rep("# x\n", 7_500_000)), "the file is larger than 1 MiB"},
	}
}

// cmdHostileFiles gives the running daemon one file after another: it keeps its
// generation, status names the file, and tickets still come.
func (p *play) cmdHostileFiles(args []string) {
	path := p.ts.MkAbs(filepath.Join(args[0], "x.hcl"))
	before := p.status().Generation
	for _, file := range hostileFiles() {
		p.ts.Check(file.make(path))
		if code := p.reload(); code != http.StatusConflict {
			p.ts.Fatalf("%s: a reload is answered %d\n%s", file.name, code, p.logs())
		}
		s := p.status()
		found := s.Config.Diagnostics
		if s.Config.OK || s.Generation != before || len(found) == 0 || len(found) > 20 {
			p.ts.Fatalf("%s: generation %s, was %s; %d diagnostics", file.name, s.Generation, before, len(found))
		}
		if !slices.ContainsFunc(found, func(d rules.Diagnostic) bool {
			return filepath.Base(d.File) == "x.hcl" && d.Line > 0 && d.Summary == file.want
		}) {
			p.ts.Fatalf("%s: %+v, want %q", file.name, found, file.want)
		}
		name := fmt.Sprintf("while there is %s", file.name)
		p.cmdIncident([]string{"create", name, "name=" + name})
		p.deliver()
		p.cmdUntilTicket([]string{name, "short_description=" + name})
		p.ts.Check(os.RemoveAll(path))
	}
	if code := p.reload(); code != http.StatusOK || !p.status().Config.OK {
		p.ts.Fatalf("without them a reload is answered %d", code)
	}
}

// cmdHostileFile leaves one of them there.
func (p *play) cmdHostileFile(args []string) {
	path := p.ts.MkAbs(filepath.Join(args[0], "x.hcl"))
	p.ts.Check(os.RemoveAll(path))
	for _, file := range hostileFiles() {
		if file.name == args[1] {
			p.ts.Check(file.make(path))
			return
		}
	}
	p.ts.Fatalf("there is no hostile file %q", args[1])
}

func (p *play) reload() int {
	answer, err := p.admin.Post("http://lockstep/v1/reload", "", nil)
	p.ts.Check(err)
	_, err = io.Copy(io.Discard, answer.Body)
	p.ts.Check(err)
	p.ts.Check(answer.Body.Close())
	return answer.StatusCode
}
