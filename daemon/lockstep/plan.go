package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/daemon"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/rules"
)

// maxJournal bounds a journal that is read from a file.
const maxJournal = 1 << 30

type planOptions struct {
	since, journal string
	json, exitCode bool
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	vars, admin := &varFlags{}, &adminFlags{}
	cmd := &cobra.Command{
		Use:   "plan [DIR]",
		Short: "Show what the rules in DIR would decide otherwise than the daemon did",
		Long: `Decides again, with the rules in DIR (default: the current directory), what the
running daemon decided, and prints what would change. It asks the systems whether
what DIR names exists there, and writes nothing.

With -journal it reads what 'lockstep journal export' printed, asks no daemon
and needs no secret.`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := vars.values()
			if err != nil {
				return err
			}
			from, err := sinceTime(o.since)
			if err != nil {
				return err
			}
			set, found := rules.Load(cmd.Context(), dirOf(args), rules.Options{Systems: systems(), Vars: values, Env: a.env, Offline: o.journal != ""})
			found.WriteText(a.stderr, a.color(a.stderr))
			if set == nil {
				return errFailed
			}
			var raw []byte
			if o.journal != "" {
				raw, err = a.readInput(cmd.Context(), o.journal, maxJournal)
			} else if raw, err = a.client(admin).Journal(cmd.Context(), from); err != nil {
				err = explained(err)
			}
			if err != nil {
				return err
			}
			if o.journal == "" {
				advice, err := daemon.Advice(cmd.Context(), set, version)
				if err != nil {
					return err
				}
				advice.WriteText(a.stderr, a.color(a.stderr))
			}
			p := newPlan(set, raw)
			if o.json {
				err = writeJSON(a.stdout, p)
			} else {
				p.writeText(a.stdout)
			}
			if err == nil && o.exitCode && len(p.Changes) > 0 {
				return errFailed
			}
			return err
		},
	}
	cmd.Flags().StringVar(&o.since, "since", defaultSince, "how far back: a `DURATION` as 30d or 12h")
	cmd.Flags().StringVar(&o.journal, "journal", "", "read this `FILE` of 'lockstep journal export' instead of asking the daemon")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the plan as JSON")
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 1 when something would change")
	vars.add(cmd)
	admin.add(cmd)
	return cmd
}

// A plan is what would change, by record.
type plan struct {
	Records int          `json:"records"`
	Gain    int          `json:"gain_ticket"`
	Lose    int          `json:"lose_ticket"`
	Unknown int          `json:"not_decided"` // nothing to decide by
	Changes []planChange `json:"changes"`
}

type planChange struct {
	Route  string     `json:"route"`
	Record string     `json:"record"`
	Lines  []planLine `json:"changes"`
}

// A planLine is one difference: Was or Now is empty where there is nothing.
type planLine struct {
	What string `json:"what"`
	Was  string `json:"was"`
	Now  string `json:"now"`
}

// decided is a decision as rules writes it for machines.
type decided struct {
	Template string                     `json:"template"`
	Target   string                     `json:"target"`
	Action   string                     `json:"action"`
	Reason   string                     `json:"reason"`
	Fields   map[string]json.RawMessage `json:"fields"`
	Errors   map[string]string          `json:"errors"`
}

// newPlan decides the newest snapshot of each record on each route again.
func newPlan(set *rules.Set, exported []byte) plan {
	type key struct {
		route  string
		record connectors.Ref
	}
	newest, opened, seen := map[key]*journal.Snapshot{}, map[key]*journal.Snapshot{}, map[key]bool{}
	p := plan{Changes: []planChange{}}
	for line := range bytes.Lines(exported) {
		var entry journal.Entry
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if json.Unmarshal(line, &entry) != nil {
			p.Unknown++
			continue
		}
		k := key{entry.Route, entry.Record}
		seen[k] = true
		if entry.Snapshot != nil {
			newest[k] = entry.Snapshot
			if entry.Snapshot.Linked == "" {
				opened[k] = entry.Snapshot
			}
		}
	}
	keys := slices.SortedFunc(maps.Keys(seen), func(x, y key) int {
		return strings.Compare(x.route+" "+x.record.String(), y.route+" "+y.record.String())
	})
	for _, k := range keys {
		in, ok := newest[k].Input()
		var was, now decided
		if !ok || json.Unmarshal(newest[k].Decided, &was) != nil {
			p.Unknown++
			continue
		}
		p.Records++
		encoded, err := set.Decide(k.route, in).MarshalJSON()
		if err != nil || json.Unmarshal(encoded, &now) != nil {
			p.Unknown++
			continue
		}
		lines := compare(was, now)
		if in, ok := opened[k].Input(); ok && newest[k].Linked != "" {
			// Its ticket keeps its template; one like it would get another.
			var first decided
			d := set.Decide(k.route, in)
			if json.Unmarshal(opened[k].Decided, &first) == nil && first.Template != d.Template {
				lines = append([]planLine{{"template of new tickets", first.Template, d.Template}}, lines...)
			}
		}
		if len(lines) == 0 {
			continue
		}
		none := string(rules.None)
		switch { // counted by the newest decision
		case was.Action == none && now.Action != none:
			p.Gain++
		case was.Action != none && now.Action == none:
			p.Lose++
		}
		p.Changes = append(p.Changes, planChange{k.route, k.record.String(), lines})
	}
	return p
}

func compare(was, now decided) []planLine {
	var lines []planLine
	add := func(what, w, n string) {
		if w != n {
			lines = append(lines, planLine{what, w, n})
		}
	}
	add("template", was.Template, now.Template)
	add("target", was.Target, now.Target)
	add("action", was.Action, now.Action)
	add("reason", was.Reason, now.Reason)
	before, after := was.texts(), now.texts()
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		add("field "+name, before[name], after[name])
	}
	return lines
}

// texts returns the fields' values as people read them.
func (d decided) texts() map[string]string {
	out := map[string]string{}
	for name, raw := range d.Fields {
		var ref struct {
			Ref *struct {
				Key   string          `json:"key"`
				Value json.RawMessage `json:"value"`
			} `json:"ref"`
		}
		var compact bytes.Buffer
		switch {
		case json.Unmarshal(raw, &ref) == nil && ref.Ref != nil:
			out[name] = fmt.Sprintf("ref(%s, %s)", ref.Ref.Key, ref.Ref.Value)
		case json.Compact(&compact, raw) == nil:
			out[name] = compact.String()
		}
	}
	for name, message := range d.Errors {
		out[name] = "error: " + message
	}
	return out
}

func (p plan) writeText(w io.Writer) {
	for _, c := range p.Changes {
		fmt.Fprintf(w, "%s  %s\n", c.Route, c.Record)
		for _, l := range c.Lines {
			switch {
			case l.Was == "":
				fmt.Fprintf(w, "  + %s  %s\n", l.What, l.Now)
			case l.Now == "":
				fmt.Fprintf(w, "  - %s  %s\n", l.What, l.Was)
			default:
				fmt.Fprintf(w, "  ~ %s  %s -> %s\n", l.What, l.Was, l.Now)
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s: %d would change, %d would get a ticket, %d would get none\n", count(p.Records, "record"), len(p.Changes), p.Gain, p.Lose)
	if p.Unknown > 0 {
		fmt.Fprintf(w, "%s could not be decided again: the journal holds nothing to decide by (private, or of another version)\n", count(p.Unknown, "record"))
	}
}
