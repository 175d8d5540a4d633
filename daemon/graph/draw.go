package graph

import (
	"fmt"
	"slices"
	"strings"
)

// A canvas is a language to draw in.
type canvas struct {
	begin, end       string
	group, groupEnd  string // group: id and label
	node             string // id and label
	edge, edgeLabels string // from and to; with a label in between
	label            func(lines []string) string
}

func (p Picture) draw(c canvas) string {
	var b strings.Builder
	b.WriteString(c.begin)
	nodes := map[string]string{} // ids of sources and targets, by kind and name
	var ends []string
	end := func(kind, name string) string {
		id, ok := nodes[kind+name]
		if !ok {
			id = fmt.Sprintf("%s%d", kind, len(nodes))
			nodes[kind+name] = id
			ends = append(ends, fmt.Sprintf(c.node, id, c.label([]string{name})))
		}
		return id
	}
	var edges []string
	link := func(from, to, label string) {
		if label == "" {
			edges = append(edges, fmt.Sprintf(c.edge, from, to))
		} else {
			edges = append(edges, fmt.Sprintf(c.edgeLabels, from, c.label([]string{label}), to))
		}
	}
	for i, r := range p.Routes {
		fmt.Fprintf(&b, c.group, fmt.Sprintf("r%d", i), c.label(append([]string{"route " + r.Name}, r.Notes...)))
		previous := end("source", r.Source)
		how := ""
		for j, t := range r.Templates {
			id := fmt.Sprintf("r%dt%d", i, j)
			fmt.Fprintf(&b, "  "+c.node, id, c.label(t.lines(fmt.Sprintf("%d: ", j+1), true)))
			link(previous, id, how)
			link(id, end("target", t.Target), "")
			previous, how = id, "else"
		}
		id := fmt.Sprintf("r%dnone", i)
		lines := []string{"none matches: no ticket"}
		if r.NoMatch != nil {
			lines = r.NoMatch.lines("none matches: ", false)
			link(id, end("target", r.NoMatch.Target), "")
		}
		fmt.Fprintf(&b, "  "+c.node, id, c.label(lines))
		link(previous, id, "else")
		b.WriteString(c.groupEnd)
	}
	for i, t := range p.Tables {
		fmt.Fprintf(&b, c.node, fmt.Sprintf("table%d", i), c.label([]string{"state table " + t.Name, strings.Join(t.States, ", ")}))
	}
	for _, line := range slices.Concat(ends, edges) {
		b.WriteString(line)
	}
	b.WriteString(c.end)
	return b.String()
}

// lines returns what stands in a template's box.
func (t Template) lines(before string, asked bool) []string {
	lines := []string{before + t.Name}
	switch {
	case !asked:
	case t.When == "":
		lines = append(lines, "always")
	default:
		lines = append(lines, t.When)
	}
	if len(t.Extends) > 0 {
		lines = append(lines, "extends "+strings.Join(t.Extends, ", "))
	}
	if t.State != "" {
		lines = append(lines, "states "+t.State)
	}
	return lines
}

// Mermaid returns the picture as GitHub and GitLab show it in Markdown.
func (p Picture) Mermaid() string {
	// Entities, for mermaid's quoted text knows no escapes, and may be HTML.
	escape := strings.NewReplacer(`"`, "#quot;", "#", "#35;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "`", "#96;", `\`, "#92;")
	return p.draw(canvas{
		begin: "flowchart LR\n",
		group: "  subgraph %s[%s]\n", groupEnd: "  end\n",
		node: "  %s[%s]\n", edge: "  %s --> %s\n", edgeLabels: "  %s -->|%s| %s\n",
		label: labels(escape, "<br/>"),
	})
}

// Dot returns the picture for Graphviz.
func (p Picture) Dot() string {
	escape := strings.NewReplacer(`"`, `\"`, `\`, `\\`, "&", "&amp;") // Graphviz reads HTML's entities everywhere
	return p.draw(canvas{
		begin: "digraph lockstep {\n  rankdir=LR\n  node [shape=box]\n", end: "}\n",
		group: "  subgraph cluster_%s {\n    label=%s\n", groupEnd: "  }\n",
		node: "  %s [label=%s]\n", edge: "  %s -> %s\n", edgeLabels: "  %[1]s -> %[3]s [label=%[2]s]\n",
		label: labels(escape, `\n`),
	})
}

func labels(escape *strings.Replacer, newline string) func([]string) string {
	return func(lines []string) string {
		var out []string
		for _, l := range lines {
			out = append(out, escape.Replace(short(l)))
		}
		return `"` + strings.Join(out, newline) + `"`
	}
}
