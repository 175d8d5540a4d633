package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/engine/backfill"
	planning "github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

type backfillOptions struct {
	address       adminFlags
	since, route  string
	dryRun, stop  bool
	asJSON        bool
	look, restart time.Duration
}

func (a *app) backfillCommand() *cobra.Command {
	o := &backfillOptions{look: time.Second, restart: 2 * time.Minute}
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Bring in records that were there before",
		Long: `Has the running daemon decide existing records as if they had just changed, within
its rate budget and behind all that happens meanwhile. A second run opens nothing.

Look at what -dry-run prints first. The daemon goes on when this command ends, and
after a restart; the same command shows how far it is, and -stop ends it.`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.backfill(cmd.Context(), o) },
	}
	o.address.add(cmd)
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print what would be written, and write nothing")
	cmd.Flags().StringVar(&o.since, "since", "", "only records that changed last within this `DURATION`, such as 30d")
	cmd.Flags().StringVar(&o.route, "route", "", "only this `ROUTE`")
	cmd.Flags().BoolVar(&o.stop, "stop", false, "end the backfill that is under way")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) backfill(ctx context.Context, o *backfillOptions) error {
	request := backfill.Request{Route: o.route}
	if o.since != "" {
		from, err := sinceTime(o.since)
		if err != nil {
			return err
		}
		request.Since = from
	}
	client := a.client(&o.address)
	switch {
	case o.stop && (o.dryRun || request != backfill.Request{}):
		return usagef("-stop goes with no other flag")
	case o.stop:
		return a.stopBackfill(ctx, client, o)
	case o.dryRun:
		return a.planBackfill(ctx, client, request, o)
	}
	job, joined, err := client.Backfill(ctx, request)
	if err != nil {
		return explained(err)
	}
	if joined && !sameRequest(job.Request, request) {
		return fmt.Errorf("another backfill is under way (%s): wait for its end, or end it with 'lockstep backfill -stop'", describe(job.Request))
	}
	if joined {
		fmt.Fprintln(a.stderr, "a backfill is under way already; this is how far it is")
	}
	return a.watchBackfill(ctx, client, job, o)
}

// sameRequest reports whether a job does what was asked for; of -since the one that
// began earlier is as good.
func sameRequest(under, asked backfill.Request) bool {
	return under.Route == asked.Route && under.Since.IsZero() == asked.Since.IsZero()
}

func describe(r backfill.Request) string {
	text := "every route"
	if r.Route != "" {
		text = "route " + r.Route
	}
	if !r.Since.IsZero() {
		text += ", since " + when(r.Since)
	}
	return text
}

func (a *app) stopBackfill(ctx context.Context, client *admin.Client, o *backfillOptions) error {
	job, raw, err := client.StopBackfill(ctx)
	if refused := (*admin.AnswerError)(nil); errors.As(err, &refused) && refused.Status == 404 {
		return errors.New("there was no backfill")
	}
	if err != nil {
		return explained(err)
	}
	if o.asJSON {
		return a.printJSON(raw)
	}
	if !job.Stopped {
		fmt.Fprintln(a.stdout, "It was over already. "+sum(job))
		return nil
	}
	fmt.Fprintln(a.stdout, "Stopped. "+sum(job))
	return nil
}

// planBackfill prints what would be done, record by record.
func (a *app) planBackfill(ctx context.Context, client *admin.Client, request backfill.Request, o *backfillOptions) error {
	opened, written, none, failed := 0, 0, 0, 0
	err := client.PlanBackfill(ctx, request, func(p reconcile.Planned, line []byte) error {
		what, kind := plannedText(p)
		switch kind {
		case planning.KindCreate:
			opened++
		case planning.KindNone:
			none++
		case "":
			failed++
		default:
			written++
		}
		if o.asJSON {
			return a.printJSON(append(line, '\n'))
		}
		_, err := fmt.Fprintf(a.stdout, "%-14s  %-16s  %s\n", cmp.Or(p.Name, p.Record.String()), p.Route, what)
		return err
	})
	if err != nil {
		return explained(err)
	}
	fmt.Fprintf(a.stderr, "%s: %s would be opened, %s written to, %s left as they are", records(opened+written+none+failed), tickets(opened), tickets(written), records(none))
	if failed == 0 {
		fmt.Fprintln(a.stderr)
		return nil
	}
	fmt.Fprintf(a.stderr, ", %s cannot be decided\n", records(failed))
	return errFailed
}

// plannedText says in a line what would be done, and which kind of operation that is;
// empty: it is not known.
func plannedText(p reconcile.Planned) (string, planning.Kind) {
	if p.Error != "" {
		return "error: " + p.Error, ""
	}
	kind, texts := planning.KindNone, []string{}
	for _, op := range p.Operations {
		text := string(op.Kind)
		if op.Kind == planning.KindCreate {
			kind = op.Kind
			text = "open a ticket by template " + p.Template
		} else if op.Kind != planning.KindNone && kind == planning.KindNone {
			kind = op.Kind
		}
		if len(op.Fields) > 0 {
			text += " (" + strings.Join(op.Fields, ", ") + ")"
		}
		if op.Reason != "" {
			text += ": " + op.Reason
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; "), kind
}

// watchBackfill shows how far a job is until it is over.
func (a *app) watchBackfill(ctx context.Context, client *admin.Client, job backfill.Job, o *backfillOptions) error {
	ctx, _, release := stopSignals(ctx)
	defer release()
	show := a.progress()
	var awaySince time.Time
	for !job.Over() {
		show(job)
		select {
		case <-ctx.Done():
			fmt.Fprintln(a.stderr, "\nThe daemon goes on. 'lockstep backfill' shows how far it is, and 'lockstep backfill -stop' ends it.")
			return nil
		case <-time.After(o.look):
		}
		now, raw, err := client.BackfillJob(ctx)
		var away *admin.UnreachableError
		switch {
		case errors.As(err, &away) && ctx.Err() == nil: // it may be restarted: the job goes on then
			if awaySince.IsZero() {
				awaySince = time.Now()
			}
			if time.Since(awaySince) < o.restart {
				continue
			}
			return explained(err)
		case err != nil && ctx.Err() == nil:
			return explained(err)
		case err != nil:
			continue
		case now.ID != job.ID:
			return errors.New("the backfill is over, and another one has begun")
		}
		job, awaySince = now, time.Time{}
		if job.Over() && o.asJSON {
			if err := a.printJSON(raw); err != nil {
				return err
			}
		}
	}
	show(job)
	if !o.asJSON {
		fmt.Fprintln(a.stdout, sum(job))
	}
	switch {
	case job.Error != "":
		return errors.New(job.Error)
	case job.Stopped:
		return errors.New("it was stopped by an operator")
	case job.Failed > 0:
		return fmt.Errorf("%s failed: 'lockstep dead' says why", records(job.Failed))
	}
	return nil
}

// progress returns what shows how far a job is: as a bar on a terminal, elsewhere as a
// line whenever a twentieth more is done or it waits for something else.
func (a *app) progress() func(backfill.Job) {
	if a.color(a.stderr) {
		return a.progressBar()
	}
	told, waiting := -1, ""
	return func(job backfill.Job) {
		part := 0
		if job.Total > 0 {
			part = 20 * job.Done / job.Total
		}
		if !job.Listed {
			part = -1
		}
		if part == told && job.Waiting == waiting || job.Over() {
			return
		}
		told, waiting = part, job.Waiting
		if job.Listed {
			fmt.Fprintf(a.stderr, "%d of %s: %s\n", job.Done, records(job.Total), cmp.Or(job.Waiting, sumUp(job)))
		} else if job.Waiting != "" {
			fmt.Fprintf(a.stderr, "listing the records: %s\n", job.Waiting)
		}
	}
}

func (a *app) progressBar() func(backfill.Job) {
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetDescription("listing the records"),
		progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond))
	listed := false
	return func(job backfill.Job) {
		if job.Listed && !listed {
			listed = true
			bar.ChangeMax(job.Total)
		}
		bar.Describe(cmp.Or(job.Waiting, sumUp(job)))
		if job.Listed {
			_ = bar.Set(job.Done) // the terminal is gone; nobody to tell
		} else {
			_ = bar.Add(0)
		}
		if job.Over() {
			_ = bar.Exit()
			fmt.Fprintln(a.stderr)
		}
	}
}

func sumUp(job backfill.Job) string {
	if !job.Listed {
		return "listing the records"
	}
	text := fmt.Sprintf("%d opened, %d updated", job.Opened, job.Updated)
	if job.Failed > 0 {
		text += fmt.Sprintf(", %d failed", job.Failed)
	}
	return text
}

func sum(job backfill.Job) string {
	text := fmt.Sprintf("%s of %d decided: %s opened, %d updated, %d left as they were", records(job.Done), job.Total, tickets(job.Opened), job.Updated, job.None)
	if job.Later > 0 {
		text += fmt.Sprintf(", %d are tried again by themselves", job.Later)
	}
	if job.Failed > 0 {
		text += fmt.Sprintf(", %d failed", job.Failed)
	}
	return text + "."
}

func records(n int) string { return count(n, "record") }
func tickets(n int) string { return count(n, "ticket") }
