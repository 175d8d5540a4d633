package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

func (a *app) schemaCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "schema [TYPE.RECORD]",
		Short: "Show the record types that there are, or the fields of one",
		Long: `Shows the fields of a record type with their types as expressions see them, when
a template may write them, and what they take. Without an argument, it lists the
record types. It talks to no system: what only your instance has is not there.`,
		Args:              atMost(1),
		ValidArgsFunction: first(completeRecordTypes),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.schemaList(asJSON)
			}
			return a.schemaOf(args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// A schemaView is a record type as the command shows it.
type schemaView struct {
	Record       string      `json:"record"` // TYPE.RECORD
	Fields       []fieldView `json:"fields"`
	Unlisted     string      `json:"unlisted"` // other names: "error", "suspect", "any"
	FreePrefixes []string    `json:"free_prefixes"`
	State        *stateView  `json:"state"`
	Parent       string      `json:"parent"`
	CommentKinds []string    `json:"comment_kinds"`
	Attachments  string      `json:"attachments"` // "", "link", "bytes"
}

type stateView struct {
	Field    string   `json:"field"`
	Category string   `json:"category"`
	Known    []string `json:"known"`
	Closed   []string `json:"closed"`
}

type fieldView struct {
	Name            string       `json:"name"`
	Type            string       `json:"type"`
	Writes          string       `json:"writes"` // the type of what is written
	Write           string       `json:"write"`  // "read only", "creation", "always"
	Required        bool         `json:"required"`
	OnMove          bool         `json:"on_move"`
	MaxLength       int          `json:"max_length"`
	Choices         []choiceView `json:"choices"`
	InstanceChoices bool         `json:"instance_choices"`
	Lookups         []string     `json:"lookups"`
	Reserved        string       `json:"reserved"`
	Description     string       `json:"description"`
}

type choiceView struct {
	Value any    `json:"value"`
	Label string `json:"label"`
}

func (a *app) schemaList(asJSON bool) error {
	var all []schemaView
	for _, s := range systems() {
		for _, record := range s.Records {
			if schema, ok := s.Schema(record); ok {
				all = append(all, viewOf(s.Type, schema))
			}
		}
	}
	if asJSON {
		type line struct {
			Record string `json:"record"`
			Fields int    `json:"fields"`
			State  string `json:"state"`
		}
		lines := []line{}
		for _, v := range all {
			l := line{Record: v.Record, Fields: len(v.Fields)}
			if v.State != nil {
				l.State = v.State.Field
			}
			lines = append(lines, l)
		}
		return writeJSON(a.stdout, lines)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, v := range all {
		about := count(len(v.Fields), "field")
		if v.State != nil {
			about += ", state in " + v.State.Field
		}
		if v.Parent != "" {
			about += ", part of " + v.Parent
		}
		if v.Unlisted == "any" {
			about += ", others taken unchecked"
		}
		fmt.Fprintf(w, "%s\t%s\n", v.Record, about)
	}
	return wrote(w.Flush())
}

func (a *app) schemaOf(name string, asJSON bool) error {
	kind, record, ok := strings.Cut(name, ".")
	if !ok || kind == "" || record == "" {
		return usagef("%q is not a record type: expected TYPE.RECORD, as servicenow.incident\nRun 'lockstep schema' for all there are.", name)
	}
	var types, known []string
	for _, s := range systems() {
		types = append(types, s.Type)
		for _, r := range s.Records {
			known = append(known, s.Type+"."+r)
		}
		if s.Type != kind {
			continue
		}
		schema, ok := s.Schema(record)
		if !ok || rules.NearRecord(s, record) != "" {
			return fmt.Errorf("%s has no record type %q%s\nRecord types: %s", kind, record, didYouMean(record, slices.Clone(s.Records), ""), strings.Join(s.Records, ", "))
		}
		v := viewOf(kind, schema)
		if asJSON {
			return writeJSON(a.stdout, v)
		}
		return wrote(v.write(a.stdout))
	}
	near := didYouMean(kind, types, "")
	if near == "" {
		near = didYouMean(name, known, "")
	}
	return fmt.Errorf("there is no connector type %q%s\nConnector types: %s", kind, near, strings.Join(types, ", "))
}

func wrote(err error) error {
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func viewOf(kind string, s *connectors.Schema) schemaView {
	v := schemaView{
		Record:       kind + "." + s.Record,
		Unlisted:     map[connectors.Unknown]string{connectors.RejectUnknown: "error", connectors.SuspectUnknown: "suspect", connectors.AllowUnknown: "any"}[s.Unlisted],
		FreePrefixes: list(s.FreePrefixes), Parent: s.Parent, CommentKinds: list(s.CommentKinds), Attachments: s.Attachments,
	}
	if st := s.State; st != nil {
		v.State = &stateView{st.Field, st.Category, list(st.Known), list(st.Closed)}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		f := s.Fields[name]
		shown := fieldView{
			Name: name, Type: typeName(f.Type), Writes: typeName(f.Writes()), Write: writeName(f), Required: f.Required,
			OnMove: f.OnMove, MaxLength: f.MaxLength, Choices: []choiceView{}, InstanceChoices: f.InstanceChoices,
			Lookups: list(f.Lookups), Reserved: f.Reserved, Description: f.Description,
		}
		if shown.Write == readOnlyName {
			shown.Writes = ""
		}
		for _, c := range f.Choices {
			shown.Choices = append(shown.Choices, choiceView{c.Value, c.Label})
		}
		v.Fields = append(v.Fields, shown)
	}
	return v
}

// list is never null in JSON.
func list(names []string) []string { return append([]string{}, names...) }

const readOnlyName = "read only"

// writeName says when a template may write a field.
func writeName(f connectors.Field) string {
	switch {
	case f.Reserved != "" || f.Write == connectors.ReadOnly:
		return readOnlyName
	case f.Write == connectors.AtCreation:
		return "creation"
	case f.Write == connectors.AfterCreation:
		return "later"
	}
	return "always"
}

// typeName returns a type as expressions know it. An object names its members, but
// not those of objects within it.
func typeName(t connectors.Type) string {
	elem := func() string {
		switch {
		case t.Elem == nil:
			return "any value"
		case t.Elem.Kind == connectors.Object:
			return t.Elem.Name
		}
		return typeName(*t.Elem)
	}
	switch t.Kind {
	case connectors.List:
		return "list(" + elem() + ")"
	case connectors.Map:
		return "map(string, " + elem() + ")"
	case connectors.Object:
		return "{" + strings.Join(slices.Sorted(maps.Keys(t.Fields)), ", ") + "}"
	}
	return t.Kind.String()
}

// write prints the table and what there is beside the fields.
func (v schemaView) write(out io.Writer) error {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "FIELD\tTYPE\tWRITTEN\tTAKES\n")
	for _, f := range v.Fields {
		when := f.Write
		if f.Required {
			when += ", required"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Name, f.Type, when, f.takes())
	}
	err := w.Flush()
	var b strings.Builder
	for row := range strings.Lines(table.String()) {
		b.WriteString(strings.TrimRight(row, " \n") + "\n") // of an empty last cell
	}
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, value)
		}
	}
	b.WriteByte('\n')
	if v.State != nil {
		line("state", v.State.Field)
		line("states", strings.Join(v.State.Known, ", "))
		line("closed in", strings.Join(v.State.Closed, ", "))
	}
	line("parent", v.Parent)
	line("comments", strings.Join(v.CommentKinds, ", "))
	line("attachments", map[string]string{"link": "links", "bytes": "files"}[v.Attachments])
	switch v.Unlisted {
	case "any":
		line("other fields", "taken unchecked")
	case "suspect":
		line("other fields", "a warning, or an error where the name is near a known one")
	}
	if len(v.FreePrefixes) > 0 {
		line("unchecked", strings.Join(v.FreePrefixes, "…, ")+"…")
	}
	_, more := io.WriteString(out, b.String())
	return errors.Join(err, more)
}

// takes says what may be written to a field, or what may stand in it.
func (f fieldView) takes() string {
	var parts []string
	if f.Writes != "" && f.Writes != f.Type {
		parts = append(parts, "written as "+f.Writes)
	}
	var choices []string
	for _, c := range f.Choices {
		text := fmt.Sprint(c.Value)
		if c.Label != "" && c.Label != text {
			text += " " + c.Label
		}
		choices = append(choices, text)
	}
	switch {
	case f.InstanceChoices && len(choices) > 0:
		choices = append(choices, "or what the instance has")
	case f.InstanceChoices:
		choices = []string{"one of the instance's own"}
	}
	if len(choices) > 0 {
		parts = append(parts, strings.Join(choices, " | "))
	}
	if len(f.Lookups) > 0 && f.Writes != "" {
		parts = append(parts, "ref() by "+strings.Join(f.Lookups, ", "))
	}
	if f.MaxLength > 0 {
		parts = append(parts, fmt.Sprintf("at most %d characters", f.MaxLength))
	}
	if f.OnMove {
		parts = append(parts, "only with a change of state")
	}
	if f.Reserved != "" {
		reserved, _, _ := strings.Cut(f.Reserved, ": ")
		parts = append(parts, "not by rules: "+reserved)
	}
	return strings.Join(parts, "; ")
}
