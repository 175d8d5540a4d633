package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/rules"
	"github.com/lockstep-sync/lockstep/rules/source"
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
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.format(cmd.Context(), args, check, showDiff)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "only say which files are not in canonical style; exit status 1 if any")
	cmd.Flags().BoolVar(&showDiff, "diff", false, "print the changes")
	return cmd
}

func (a *app) format(ctx context.Context, args []string, check, showDiff bool) error {
	if slices.Equal(args, []string{"-"}) {
		return a.formatInput(ctx, check, showDiff)
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
	if err := bounded(files); err != nil {
		return err
	}
	failed, differ := false, false
	for _, file := range files {
		changed, err := a.formatFile(ctx, file, check, showDiff)
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

// hclFiles returns a file, or the *.hcl of a directory.
func hclFiles(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{arg}, nil
	}
	files, err := rules.ConfigFiles(arg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", arg, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no *.hcl file", arg)
	}
	return files, nil
}

// bounded refuses files that are larger together than a configuration may be,
// before any of them is changed.
func bounded(files []string) error {
	left := int64(source.MaxTotal)
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			continue // it is not read, and reported
		}
		if left -= info.Size(); left < 0 {
			return fmt.Errorf("%s: the configuration is larger than %s", file, source.Size(source.MaxTotal))
		}
	}
	return nil
}

func (a *app) formatFile(ctx context.Context, file string, check, showDiff bool) (changed bool, err error) {
	before, after, found := rules.FormatFile(ctx, file)
	if found.HasErrors() {
		found.WriteText(a.stderr, a.color(a.stderr))
		return false, errFailed
	}
	if bytes.Equal(before, after) {
		return false, nil
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

func (a *app) formatInput(ctx context.Context, check, showDiff bool) error {
	before, err := source.Drain(ctx, a.stdin, source.MaxFile)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	after, found := rules.Format(before, "<stdin>")
	if found.HasErrors() {
		found.WriteText(a.stderr, a.color(a.stderr))
		return errFailed
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
