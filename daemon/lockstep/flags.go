package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// normalize turns "-name" into "--name" for the flags that the command has:
// cobra knows only the second form and reads the first as a row of one-letter
// flags. Values and what follows "--" stay as they are.
func normalize(root *cobra.Command, args []string) ([]string, error) {
	if len(args) > 0 && strings.HasPrefix(args[0], "__complete") {
		return normalizeUnfinished(root, args), nil
	}
	cmd := root
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(out, args[i:]...), nil
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			sub := subcommand(cmd, arg)
			switch {
			case sub != nil:
				cmd = sub
			case cmd.HasSubCommands():
				return nil, unknownCommand(cmd, arg) // also where -help would hide it
			}
			out = append(out, arg)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name == "h" || name == "help" {
			out = append(out, "--help")
			continue
		}
		flag := lookup(cmd, name)
		if flag == nil {
			return nil, usagef("%q has no flag -%s%s\n%s", cmd.CommandPath(), name, didYouMean(name, flagNames(cmd), "-"), seeHelp(cmd))
		}
		if hasValue {
			out = append(out, "--"+flag.Name+"="+value)
			continue
		}
		out = append(out, "--"+flag.Name)
		if flag.NoOptDefVal == "" && i+1 < len(args) {
			i++
			out = append(out, args[i])
		}
	}
	return out, nil
}

// normalizeUnfinished is for what a shell asks: the last word is one that the user has
// not finished.
func normalizeUnfinished(root *cobra.Command, args []string) []string {
	last := len(args) - 1
	if last < 1 {
		return args
	}
	typed, err := normalize(root, args[1:last])
	if err != nil {
		return args // there is nothing to suggest
	}
	return append(append([]string{args[0]}, typed...), args[last])
}

func subcommand(cmd *cobra.Command, name string) *cobra.Command {
	for _, c := range cmd.Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

func lookup(cmd *cobra.Command, name string) *pflag.Flag {
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags(), cmd.InheritedFlags()} {
		if f := set.Lookup(name); f != nil {
			return f
		}
		if len(name) == 1 && set.ShorthandLookup(name) != nil {
			return set.ShorthandLookup(name)
		}
	}
	return nil
}

func flagNames(cmd *cobra.Command) []string {
	names := []string{"help"}
	add := func(f *pflag.Flag) { names = append(names, f.Name) }
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags(), cmd.InheritedFlags()} {
		set.VisitAll(add)
	}
	return names
}

// oneDash writes flags in a message as the documentation does.
func oneDash(text string) string { return strings.ReplaceAll(text, "--", "-") }

// varFlags are the -var K=V of a command that loads a configuration.
type varFlags struct{ pairs []string }

func (v *varFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&v.pairs, "var", nil, "set a variable of the configuration: `NAME=VALUE` (repeatable)")
}

func (v *varFlags) values() (map[string]string, error) {
	values := map[string]string{}
	for _, pair := range v.pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usagef("-var %q: expected NAME=VALUE", pair)
		}
		values[name] = value
	}
	return values, nil
}
