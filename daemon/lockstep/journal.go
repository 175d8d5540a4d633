package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const defaultSince = "30d"

func (a *app) journalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Export the daemon's decisions",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var since string
	address := &adminFlags{}
	export := &cobra.Command{
		Use:   "export",
		Short: "Print the decisions, for plan -journal FILE where the daemon cannot be reached",
		Long: `Prints what the daemon decided, oldest first, one JSON object a line, with what is
needed to decide again: contents of records, of private ones only where their
route has private = true. Keep the file as you keep the records.`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := sinceTime(since)
			if err != nil {
				return err
			}
			if err := a.client(address).Journal(cmd.Context(), from, a.printJSON); err != nil {
				return explained(err)
			}
			return nil
		},
	}
	export.Flags().StringVar(&since, "since", defaultSince, "how far back: a `DURATION` as 30d or 12h")
	address.add(export)
	cmd.AddCommand(export)
	return cmd
}

// sinceTime returns the time so long ago.
func sinceTime(text string) (time.Time, error) {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); err != nil && ok {
		var n int
		if n, err = strconv.Atoi(days); n > 36500 {
			err = fmt.Errorf("%d days is too long", n)
		}
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 {
		return time.Time{}, usagef("-since %q: expected a duration as 30d or 12h", text)
	}
	return time.Now().Add(-d), nil
}
