package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine"
)

// A letterPick says which dead letters something is done to: those of names, or all that
// a query picks.
type letterPick struct {
	names []string
	all   bool
	query engine.Query
}

// check fails where nothing was picked, or it is not clear what.
func (p *letterPick) check(cmd *cobra.Command) error {
	filtered := p.query.Route != "" || p.query.Reason != ""
	switch {
	case p.all && len(p.names) > 0:
		return usagef("give names or -all, not both")
	case !p.all && !filtered && len(p.names) == 0:
		return usagef("%q needs NAME…, or -all, -route ROUTE or -reason REASON\nUsage: %s", cmd.CommandPath(), cmd.UseLine())
	}
	return nil
}

func (a *app) addPick(cmd *cobra.Command, address *adminFlags, p *letterPick) {
	cmd.Flags().BoolVar(&p.all, "all", false, "all that there are")
	a.addLetterFilters(cmd, address, &p.query)
}

// A picked dead letter is asked for by the name that it was picked by, or by its id.
type picked struct {
	engine.LetterView
	by string
}

// pick finds the dead letters. Names of which there is none are said, and missing is true.
func (a *app) pick(ctx context.Context, client *admin.Client, p *letterPick) (letters []picked, missing bool, err error) {
	if len(p.names) == 0 {
		all, _, err := client.Dead(ctx, p.query)
		for _, d := range all {
			letters = append(letters, picked{d, d.ID})
		}
		return letters, false, explained(err)
	}
	seen := map[string]bool{}
	for _, name := range p.names {
		one, ids, err := lettersOf(ctx, name, client.DeadLetter)
		var refused *admin.AnswerError
		if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusConflict) {
			fmt.Fprintf(a.stderr, "lockstep: %s\n", noSuch(err, "dead letter", name))
			missing = true
			continue
		}
		if err != nil {
			return nil, missing, explained(err)
		}
		found := []picked{}
		if one != nil {
			found = append(found, picked{*one, name})
		}
		for _, id := range ids {
			d, _, err := client.DeadLetter(ctx, id)
			if err != nil {
				return nil, missing, explained(err)
			}
			found = append(found, picked{d, id})
		}
		for _, d := range found {
			if !seen[d.ID] && (p.query.Route == "" || d.Route == p.query.Route) && (p.query.Reason == "" || d.Reason == p.query.Reason) {
				seen[d.ID] = true
				letters = append(letters, d)
			}
		}
	}
	return letters, missing, nil
}

func (a *app) retryCommand(address *adminFlags, asJSON *bool) *cobra.Command {
	var p letterPick
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "retry [NAME…]",
		Short: "Retry the affected records, and print what became of each",
		Long: `Retries the records of dead letters, waits, and prints what became of each: with a
record's name, of all of its; with -all, -route or -reason, of all that these
pick. Exit status 1 when one failed again, or waits for something.

` + aboutNames,
		Args:              between(0, -1),
		ValidArgsFunction: a.completeNames(address, ofDead),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.names = args
			if err := errors.Join(p.check(cmd), checkTimeout(timeout)); err != nil {
				return err
			}
			return a.retryDead(cmd.Context(), a.client(address), &p, timeout, *asJSON)
		},
	}
	a.addPick(cmd, address, &p)
	addTimeout(cmd, &timeout)
	return cmd
}

func (a *app) retryDead(ctx context.Context, client *admin.Client, p *letterPick, timeout time.Duration, asJSON bool) error {
	letters, failed, err := a.pick(ctx, client, p)
	if err != nil {
		return err
	}
	type answer struct {
		retried admin.Retried
		err     error
	}
	until := time.Now().Add(timeout)
	all := []admin.Retried{}
	err = inOrder(ctx, len(letters), func(ctx context.Context, i int) answer {
		retried, _, err := client.Retry(ctx, letters[i].by, max(time.Until(until), 0).Round(time.Millisecond))
		return answer{retried, err}
	}, func(i int, got answer) error {
		var refused *admin.AnswerError
		if errors.As(got.err, &refused) && refused.Status == http.StatusNotFound {
			return nil // it was over before its turn came: with another of its record, or by itself
		}
		if got.err != nil {
			return explained(got.err)
		}
		all, failed = append(all, got.retried), failed || got.retried.Outcome.Failed
		if !asJSON {
			a.printRetried(letters[i].LetterView, got.retried.Outcome)
		}
		return a.stdout.Flush()
	})
	if err != nil {
		return err
	}
	if asJSON {
		if err := writeJSON(a.stdout, all); err != nil {
			return err
		}
	} else if len(letters) == 0 && !failed {
		fmt.Fprintln(a.stdout, "no dead letters")
	}
	if failed {
		return errFailed
	}
	return nil
}

func (a *app) printRetried(d engine.LetterView, o engine.Outcome) {
	text := outcomeText(o)
	if o.Result == engine.Failed {
		text = strings.Replace(text, "failed", "failed again", 1)
	}
	for i, again := range o.Dead {
		if i == 0 {
			text += ":"
		}
		text += " " + letterText(again)
		if again.ID != d.ID {
			text += " (" + again.ID + ")"
		}
	}
	fmt.Fprintf(a.stdout, "retried %s (%s): %s\n", d.ID, calledOr(d.SourceName, d.Record), text)
}

func (a *app) dropCommand(address *adminFlags, asJSON *bool) *cobra.Command {
	var p letterPick
	var yes bool
	cmd := &cobra.Command{
		Use:   "drop [NAME…]",
		Short: "Forget dead letters",
		Long: `Forgets dead letters: with a record's name, all of its; with -all, -route or
-reason, all that these pick. Where that is more than you named, you are asked;
-yes answers that.

` + aboutNames,
		Args:              between(0, -1),
		ValidArgsFunction: a.completeNames(address, ofDead),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.names = args
			if err := p.check(cmd); err != nil {
				return err
			}
			return a.dropDead(cmd.Context(), a.client(address), &p, yes, *asJSON)
		},
	}
	a.addPick(cmd, address, &p)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) dropDead(ctx context.Context, client *admin.Client, p *letterPick, yes, asJSON bool) error {
	letters, failed, err := a.pick(ctx, client, p)
	if err != nil {
		return err
	}
	if !yes && len(letters) > max(1, len(p.names)) {
		if err := a.confirm(fmt.Sprintf("drop %d dead letters", len(letters))); err != nil {
			return err
		}
	}
	dropped := []engine.LetterView{}
	for _, d := range letters {
		_, _, err := client.DropDead(ctx, d.by)
		var refused *admin.AnswerError
		if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
			continue // it was over already
		}
		if err != nil {
			return explained(err)
		}
		dropped = append(dropped, d.LetterView)
		if !asJSON {
			fmt.Fprintf(a.stdout, "dropped %s (%s)\n", d.ID, calledOr(d.SourceName, d.Record))
		}
	}
	if asJSON {
		if err := writeJSON(a.stdout, dropped); err != nil {
			return err
		}
	} else if len(letters) == 0 && !failed {
		fmt.Fprintln(a.stdout, "no dead letters")
	}
	if failed {
		return errFailed
	}
	return nil
}

// confirm asks on a terminal; elsewhere nobody can answer.
func (a *app) confirm(what string) error {
	in, ok := a.stdin.(*os.File)
	if _, shown := terminal(a.stdout); !ok || !shown || !isTerminal(in) {
		return usagef("that would %s; add -yes to do it", what)
	}
	fmt.Fprintf(a.stdout, "%s%s? [y/N] ", strings.ToUpper(what[:1]), what[1:])
	if err := a.stdout.Flush(); err != nil {
		return err
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err == nil && slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line))) {
		return nil
	}
	fmt.Fprintln(a.stderr, "nothing was dropped")
	return errFailed
}
