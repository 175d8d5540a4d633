package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/examples"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a starting configuration, with tests, CI workflows and a hook",
		Long: `Writes a configuration to start from to DIR (default: the current directory,
best the root of a git repository): incident.io incidents become ServiceNow
incidents, both ways. Rule tests come with it, workflows that check and test it
on GitHub and GitLab, and a git hook that does so before a commit.

Nothing is overwritten: where one of the files is there already, or another
*.hcl, init names it, writes nothing and exits with status 1.`,
		Args: atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.init(dirOf(args))
		},
	}
}

// A starterFile is one that init writes.
type starterFile struct {
	name    string // within the directory, with slashes
	content []byte
	mode    fs.FileMode
}

func (a *app) init(dir string) error {
	files, err := starterFiles(thisBuild())
	if err != nil {
		return err
	}
	taken, err := alreadyThere(dir, files)
	if err != nil {
		return err
	}
	for _, what := range taken {
		fmt.Fprintln(a.stderr, "lockstep: "+what)
	}
	if len(taken) > 0 {
		return errors.New("nothing was written: init starts a configuration and never overwrites a file; name another directory")
	}
	if err := writeStarter(dir, files); err != nil {
		return err
	}
	for _, f := range files {
		fmt.Fprintln(a.stdout, "wrote "+filepath.Join(dir, filepath.FromSlash(f.name)))
	}
	a.nextSteps(dir)
	return nil
}

// nextSteps says what to do with a new configuration.
func (a *app) nextSteps(dir string) {
	in, record, git := "", "incident.json", "git"
	if filepath.Clean(dir) != "." {
		in, record, git = " "+shellWord(dir), shellWord(filepath.Join(dir, record)), "git -C "+shellWord(dir)
	}
	fmt.Fprint(a.stdout, "\nNext:\n")
	for _, next := range [][2]string{
		{"it is right", commandName() + " check -strict" + in},
		{"it does what its tests say", commandName() + " test" + in},
		{"what becomes of an incident, and why", commandName() + " explain -record " + record + in},
		{"the daemon on it, with simulated systems", commandName() + " run -sandbox" + in},
		{"check and test before every commit", git + " config core.hooksPath .githooks"},
	} {
		fmt.Fprintf(a.stdout, "  # %s\n  %s\n", next[0], next[1])
	}
	fmt.Fprint(a.stdout, `
Then make it yours: connectors.hcl says which systems, incidents.hcl which
incidents get which ticket. README.md has the rest.
`)
}

// shellWord returns a text as a shell takes it for one word.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+,:@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// What go install finds: a release, or a commit.
var (
	released  = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+$`)
	committed = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// installable is the version that go install builds lockstep from as this binary was;
// "": nobody knows.
func installable(b build) string {
	switch {
	case released.MatchString(b.Version):
		return b.Version
	case committed.MatchString(b.Commit):
		return b.Commit
	}
	return ""
}

// starterFiles returns the files of a new configuration, in the order of their
// names. Its workflows install this version of lockstep, if it is known.
func starterFiles(b build) ([]starterFile, error) {
	version := installable(b)
	starter, err := examples.Starter()
	if err != nil {
		return nil, err
	}
	var files []starterFile
	err = fs.WalkDir(starter, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(starter, name)
		if err != nil {
			return err
		}
		f := starterFile{name, content, 0o644}
		switch {
		case path.Dir(name) == ".githooks":
			f.mode = 0o755
		case path.Ext(name) == ".yml" && version != "":
			f.content = []byte(strings.Replace(string(content), "LOCKSTEP_VERSION: latest # better: the version that you run", "LOCKSTEP_VERSION: "+version, 1))
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

// alreadyThere says what in a directory keeps the files from being written,
// and which configuration they would be merged with.
func alreadyThere(dir string, files []starterFile) ([]string, error) {
	var taken []string
	ours := map[string]bool{}
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		ours[name] = true
		switch _, err := os.Lstat(name); {
		case err == nil:
			taken = append(taken, name+" is already there")
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, entry := range entries {
		name := filepath.Join(dir, entry.Name())
		if filepath.Ext(name) == ".hcl" && !strings.HasPrefix(entry.Name(), ".") && !ours[name] {
			taken = append(taken, name+" is a configuration already")
		}
	}
	return taken, nil
}

// writeStarter writes all the files, or leaves none of them.
func writeStarter(dir string, files []starterFile) (err error) {
	var written []string
	defer func() {
		if err == nil {
			return
		}
		for _, name := range written {
			err = errors.Join(err, os.Remove(name))
		}
	}()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		// O_EXCL: not even a file that came up meanwhile is overwritten.
		out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
		if err != nil {
			return err
		}
		written = append(written, name)
		_, err = out.Write(f.content)
		if err = errors.Join(err, out.Close()); err != nil {
			return err
		}
	}
	return nil
}
