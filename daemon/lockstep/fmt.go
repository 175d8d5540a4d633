package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/rules"
)

func (a *app) fmtCommand() *cobra.Command {
	var check, showDiff bool
	cmd := &cobra.Command{
		Use:   "fmt [DIR|FILE…]",
		Short: "Rewrite HCL in canonical style",
		Long: `Rewrites the *.hcl files of DIR (default: the current directory), or the FILEs,
in canonical style and prints the names of those that changed. "-" formats
standard input to standard output.

With -check nothing is written, and the exit status is 1 if something would be.`,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.format(args, check, showDiff)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "only say which files are not in canonical style; exit status 1 if any")
	cmd.Flags().BoolVar(&showDiff, "diff", false, "print the changes")
	return cmd
}

func (a *app) format(args []string, check, showDiff bool) error {
	if slices.Equal(args, []string{"-"}) {
		return a.formatInput(check, showDiff)
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	var files []string
	for _, arg := range args {
		found, err := hclFiles(arg)
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	failed, differ := false, false
	for _, file := range files {
		changed, err := a.formatFile(file, check, showDiff)
		if errors.Is(err, errFailed) {
			failed = true // and said; the other files are looked at all the same
			continue
		}
		if err != nil {
			return err
		}
		differ = differ || changed
	}
	if failed || check && differ {
		return errFailed
	}
	return nil
}

// hclFiles is a file, or the *.hcl of a directory.
func hclFiles(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{arg}, nil
	}
	entries, err := os.ReadDir(arg)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		path := filepath.Join(arg, e.Name())
		if info, err := os.Stat(path); filepath.Ext(path) == ".hcl" && err == nil && info.Mode().IsRegular() {
			files = append(files, path)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no *.hcl file", arg)
	}
	return files, nil
}

func (a *app) formatFile(file string, check, showDiff bool) (changed bool, err error) {
	before, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	after, err := a.canonical(before, file)
	if err != nil || bytes.Equal(before, after) {
		return false, err
	}
	fmt.Fprintln(a.stdout, file)
	if showDiff {
		fmt.Fprintf(a.stdout, "%s", diff.Diff(file, before, file+" (canonical)", after))
	}
	if check {
		return true, nil
	}
	return true, replaceFile(file, after)
}

func (a *app) formatInput(check, showDiff bool) error {
	before, err := io.ReadAll(a.stdin)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	after, err := a.canonical(before, "<stdin>")
	if err != nil {
		return err
	}
	out := after
	if showDiff {
		out = diff.Diff("<stdin>", before, "<stdin> (canonical)", after)
	} else if check {
		out = nil
	}
	if _, err := a.exact.Write(out); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if check && !bytes.Equal(before, after) {
		return errFailed
	}
	return nil
}

// canonical formats; syntax errors are reported and are errFailed.
func (a *app) canonical(src []byte, name string) ([]byte, error) {
	after, found := rules.Format(src, name)
	if found.HasErrors() {
		found.WriteText(a.stderr, a.color(a.stderr))
		return nil, errFailed
	}
	return after, nil
}

// replaceFile replaces a file's bytes whole or not at all. A symbolic link
// stays one, and what it points at is replaced.
func replaceFile(file string, content []byte) error {
	resolved, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(resolved), ".lockstep-fmt-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(next.Name()) }() // gone already where all went well
	_, err = next.Write(content)
	err = errors.Join(err, next.Chmod(info.Mode().Perm()), next.Close())
	if err != nil {
		return err
	}
	return os.Rename(next.Name(), resolved)
}
