package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// maxPairs bounds a file of pairs, in bytes.
const maxPairs = 16 << 20

type adoptOptions struct {
	file, template string
	dryRun         bool
	asJSON         *bool
}

func (a *app) adoptCommand(address *adminFlags, asJSON *bool) *cobra.Command {
	o := &adoptOptions{asJSON: asJSON}
	cmd := &cobra.Command{
		Use:   "adopt ROUTE SOURCE TARGET | adopt -file CSV ROUTE",
		Short: "Link records and tickets that both exist",
		Long: `Links a record and a ticket that both exist, as in

  lockstep links adopt incidents INC-12 INC0010001

They are agreed on as they are: what is empty is filled in, and nothing else is
written until one of them changes. -dry-run prints what the first look would
write. The template is the one that the rules choose, or -template. A record or
ticket that has a link already is refused; a pair already is left as it is.

With -file, pairs are read from a file with two columns, source and target, with
or without a line that names them; - is standard input. All of them are checked
before any is adopted, and the same file can be given again.

` + aboutNames,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.file != "" {
				return between(1, 1)(cmd, args)
			}
			return between(3, 3)(cmd, args)
		},
		ValidArgsFunction: a.completeAdopt(address, o),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.file != "" {
				return a.adoptFile(cmd.Context(), a.client(address), args[0], o)
			}
			pair := engine.Adoption{Route: args[0], Source: args[1], Target: args[2], Template: o.template}
			return a.adoptPair(cmd.Context(), a.client(address), pair, o)
		},
	}
	cmd.Flags().StringVar(&o.file, "file", "", "read pairs from this `CSV` file")
	cmd.Flags().StringVar(&o.template, "template", "", "the `TEMPLATE` of the links")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print what would be written, and adopt nothing")
	return cmd
}

// completeAdopt completes a route, then names.
func (a *app) completeAdopt(address *adminFlags, o *adoptOptions) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return a.completeRoutes(address)(cmd, args, typed)
		case o.file == "" && len(args) < 3:
			return a.completeNames(address, ofRecords)(cmd, args, typed)
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

func (a *app) adoptPair(ctx context.Context, client *admin.Client, pair engine.Adoption, o *adoptOptions) error {
	do := client.Adopt
	if o.dryRun {
		do = func(ctx context.Context, pair engine.Adoption) (engine.Adopted, []byte, error) {
			return client.CheckAdoption(ctx, pair, true)
		}
	}
	adopted, raw, err := do(ctx, pair)
	if err != nil {
		return explained(err)
	}
	if *o.asJSON {
		return a.printJSON(raw)
	}
	fmt.Fprintln(a.stdout, adoptedText(adopted, o.dryRun))
	if o.dryRun {
		return nil
	}
	return a.printLink(adopted.LinkView)
}

// adoptedText says in a line what became of a pair, or would.
func adoptedText(p engine.Adopted, dryRun bool) string {
	text := fmt.Sprintf("%s and %s: ", calledOr(p.SourceName, p.Source), ticketOf(p.LinkView))
	switch {
	case p.Already:
		text += "a pair already"
	case dryRun:
		text += "would be adopted, with template " + p.Template
	default:
		text += "adopted, with template " + p.Template
	}
	if dryRun {
		would, _ := plannedText(reconcile.Planned{Template: p.Template, Operations: p.Operations})
		text += "; first: " + cmp.Or(would, "nothing")
	}
	return text
}

// A csvPair is one line of a file of pairs.
type csvPair struct {
	engine.Adoption
	line int
}

// adoptFile adopts the pairs of a file: all of them are checked before any is.
func (a *app) adoptFile(ctx context.Context, client *admin.Client, route string, o *adoptOptions) error {
	content, err := a.readInput(ctx, o.file, maxPairs)
	if err != nil {
		return err
	}
	pairs, wrong := readPairs(content, engine.Adoption{Route: route, Template: o.template})
	say := func(line int, text string) { wrong = append(wrong, csvError{line, text}) }
	checked := make([]engine.Adopted, len(pairs))
	sources, targets := map[connectors.Ref]int{}, map[connectors.Ref]int{}
	err = inOrder(ctx, len(pairs), func(ctx context.Context, i int) adoptAnswer {
		adopted, _, err := client.CheckAdoption(ctx, pairs[i].Adoption, o.dryRun)
		return adoptAnswer{adopted, err}
	}, func(i int, got adoptAnswer) error {
		line := pairs[i].line
		if got.err != nil && !isRefused(got.err) {
			return explained(got.err)
		}
		if got.err != nil {
			say(line, got.err.Error())
			return nil //nolint:nilerr // it is told, and the others are looked at
		}
		if checked[i] = got.adopted; got.adopted.Target == nil {
			return errors.New("the daemon's answer names no ticket")
		}
		if before := sources[got.adopted.Source]; before > 0 {
			say(line, fmt.Sprintf("%s is on line %d already", calledOr(got.adopted.SourceName, got.adopted.Source), before))
		}
		if before := targets[*got.adopted.Target]; before > 0 {
			say(line, fmt.Sprintf("%s is on line %d already", ticketOf(got.adopted.LinkView), before))
		}
		sources[got.adopted.Source], targets[*got.adopted.Target] = line, line
		return nil
	})
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		slices.SortStableFunc(wrong, func(a, b csvError) int { return cmp.Compare(a.line, b.line) })
		for _, e := range wrong {
			fmt.Fprintf(a.stderr, "%s:%d: %s\n", fileName(o.file), e.line, oneLine(e.text))
		}
		fmt.Fprintf(a.stderr, "lockstep: %d wrong, nothing was adopted\n", len(wrong))
		return errFailed
	}
	if !o.dryRun {
		return a.adoptAll(ctx, client, pairs, checked, o)
	}
	return a.printAdopted(checked, o)
}

// adoptAll adopts pairs that were checked, by the refs that were read. One that fails by
// now does not keep the others from it.
func (a *app) adoptAll(ctx context.Context, client *admin.Client, pairs []csvPair, checked []engine.Adopted, o *adoptOptions) error {
	done, failed := []engine.Adopted{}, false
	err := inOrder(ctx, len(pairs), func(ctx context.Context, i int) adoptAnswer {
		if checked[i].Already {
			return adoptAnswer{adopted: checked[i]}
		}
		pair := pairs[i].Adoption
		pair.Source, pair.Target = checked[i].Source.String(), checked[i].Target.String()
		adopted, _, err := client.Adopt(ctx, pair)
		return adoptAnswer{adopted, err}
	}, func(i int, got adoptAnswer) error {
		if got.err != nil && !isRefused(got.err) {
			return fmt.Errorf("%w\n%d of %d were adopted; give the same file again to go on", explained(got.err), len(done), len(pairs))
		}
		if got.err != nil {
			fmt.Fprintf(a.stderr, "%s:%d: %s\n", fileName(o.file), pairs[i].line, oneLine(got.err.Error()))
			failed = true
			return nil //nolint:nilerr // it is told, and the others are adopted
		}
		done = append(done, got.adopted)
		if *o.asJSON {
			return nil
		}
		fmt.Fprintln(a.stdout, adoptedText(got.adopted, false))
		return a.stdout.Flush()
	})
	if err == nil && *o.asJSON {
		err = writeJSON(a.stdout, done)
	}
	if err == nil && failed {
		err = errFailed
	}
	return err
}

func (a *app) printAdopted(all []engine.Adopted, o *adoptOptions) error {
	if *o.asJSON {
		return writeJSON(a.stdout, all)
	}
	for _, p := range all {
		fmt.Fprintln(a.stdout, adoptedText(p, o.dryRun))
	}
	return nil
}

type adoptAnswer struct {
	adopted engine.Adopted
	err     error
}

// isRefused reports whether the daemon has an objection to the pair itself.
func isRefused(err error) bool {
	var refused *admin.AnswerError
	return errors.As(err, &refused) && refused.Status/100 == 4 && refused.Status != 401
}

// A csvError is what is wrong with a line.
type csvError struct {
	line int
	text string
}

// readPairs reads pairs, and says what is wrong with the other lines.
func readPairs(content []byte, of engine.Adoption) (pairs []csvPair, wrong []csvError) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff"))))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	for first := true; ; first = false {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if parse, ok := errors.AsType[*csv.ParseError](err); ok {
			return pairs, append(wrong, csvError{parse.Line, parse.Err.Error()}) // where the next line begins is not known
		}
		line, _ := r.FieldPos(0)
		for i, cell := range row {
			row[i] = strings.TrimSpace(cell)
		}
		switch {
		case first && len(row) == 2 && strings.EqualFold(row[0], "source") && strings.EqualFold(row[1], "target"):
		case len(row) != 2:
			wrong = append(wrong, csvError{line, fmt.Sprintf("expected two columns, source and target, found %d", len(row))})
		case row[0] == "" || row[1] == "":
			wrong = append(wrong, csvError{line, "expected a source and a target, found one of them empty"})
		default:
			pair := of
			pair.Source, pair.Target = row[0], row[1]
			pairs = append(pairs, csvPair{pair, line})
		}
	}
	if len(pairs)+len(wrong) == 0 {
		wrong = append(wrong, csvError{1, "expected pairs, found none"})
	}
	return pairs, wrong
}
