package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/daemon"
	"github.com/lockstep-sync/lockstep/rules"
	"github.com/lockstep-sync/lockstep/rules/visible"
)

func (a *app) doctorCommand() *cobra.Command {
	vars := &varFlags{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [DIR]",
		Short: "Examine the systems that a configuration names",
		Long: `Asks each system of the configuration in DIR (default: the current directory)
whether it takes the credentials, may be read, has what DIR names, and agrees about
the time; says what each finding means and what to do. It writes nothing, and needs
no daemon. Exit status 1 when something will not work.`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := vars.values()
			if err != nil {
				return err
			}
			set, found := rules.Load(cmd.Context(), dirOf(args), rules.Options{Systems: systems(), Vars: values, Env: a.env})
			found.WriteText(a.stderr, a.color(a.stderr))
			if set == nil {
				return errFailed
			}
			findings, err := daemon.Doctor(cmd.Context(), set, version)
			if err != nil {
				return err
			}
			if asJSON {
				if findings == nil {
					findings = []daemon.Finding{}
				}
				err = writeJSON(a.stdout, findings)
			} else {
				a.writeFindings(findings)
			}
			for _, f := range findings {
				if err == nil && f.Level == daemon.Fails {
					return errFailed
				}
			}
			return err
		},
	}
	vars.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// doctorWidth is how many columns the findings take.
const doctorWidth = 80

func (a *app) writeFindings(findings []daemon.Finding) {
	of, bad := "", 0
	for _, f := range findings {
		if f.Connector != of {
			if of != "" {
				fmt.Fprintln(a.stdout)
			}
			of = f.Connector
			fmt.Fprintf(a.stdout, "%s (%s)\n", visible.Line(f.Connector), f.Type)
		}
		if f.Level == daemon.Fails {
			bad++
		}
		fmt.Fprintf(a.stdout, "  %-7s  %s\n", f.Level, visible.Line(f.Check))
		at := ""
		if f.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
		}
		for _, text := range []string{f.Seen, f.Means, f.Remedy, at} {
			for _, line := range folded(visible.Text(text), doctorWidth-11) {
				fmt.Fprintf(a.stdout, "           %s\n", line)
			}
		}
	}
	fmt.Fprintln(a.stdout)
	if bad == 0 {
		fmt.Fprintln(a.stdout, "Nothing was found that will not work.")
		return
	}
	fmt.Fprintf(a.stdout, "%s will not work.\n", count(bad, "thing"))
}

// folded breaks a text into lines of at most width characters, between words.
func folded(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
